#include "session/rig.h"

static json_t *dump(const struct rig *r)
{
	AUTO(buf) struct buf text = { 0 };
	char why[160];

	session_dump(r->s, &text);
	return text.failed ? NULL : json_parse(buf_bytes(&text), why);
}

static void it_follows_the_session(void)
{
	RIG(r, NULL, 24000);
	AUTO(json) json_t *idle = dump(&r);

	CHECK(rig_has(idle, "{'state':'open','legs':['paced'],'turn':'quiet','hearing':false,"
			    "'audio_received_ms':0,'items':0,'errors':0,'turns':0,"
			    "'responses_made':0,'responses':[]}"));
	CHECK_STR(json_str(idle, "id", ""), session_id(r.s));

	CHECK_EQ(fake_hear(r.fake, "hello"), 0);
	rig_say(&r, "{}");
	rig_audio(&r, 300, RIG_LOUD);
	AUTO(json) json_t *speech = dump(&r);
	CHECK(rig_has(speech, "{'turn':'speech','hearing':true,'audio_received_ms':300,"
			      "'messages':1,'errors':1,'turns':0}"));

	rig_audio(&r, 300, 0);
	AUTO(json) json_t *talk = dump(&r);
	CHECK(rig_has(talk, "{'turn':'quiet','hearing':false,'audio_received_ms':600,'items':2,"
			    "'turns':1,'responses_made':1,'responses':[{'oob':false}]}"));

	session_close(r.s, 1000, "enough", r.env.now_us);
	AUTO(json) json_t *closed = dump(&r);
	CHECK(rig_has(closed, "{'state':'closed','legs':['paced'],'responses':[]}"));
}

TESTS({ "it_follows_the_session", it_follows_the_session })
