#include "service/realtime_dialect.h"

#include "base/test.h"

static json_t *parse(const char *text)
{
	char why[160];
	AUTO(buf) struct buf b = { 0 };

	json_init();
	for (; *text; text++)
		buf_putc(&b, *text == '\'' ? '"' : *text);
	return b.failed ? NULL : json_parse(buf_bytes(&b), why);
}

static bool is(const json_t *v, const char *text)
{
	AUTO(json) json_t *wanted = parse(text);

	if (wanted && v && !mem_failed() && !json_equal(v, wanted)) {
		AUTO(buf) struct buf b = { 0 };

		json_write(&b, v);
		fprintf(stderr, "it is %s\n", b.p ? (const char *)b.p : "-");
	}
	return wanted && v && json_equal(v, wanted);
}

static void urls(void)
{
	static const struct {
		struct service s;
		const char *url;
	} cases[] = {
		{ { .url = "wss://api.openai.com/v1", .model = "gpt-realtime" },
		  "wss://api.openai.com/v1/realtime?model=gpt-realtime" },
		{ { .url = "ws://127.0.0.1:8443" }, "ws://127.0.0.1:8443/v1/realtime" },
		{ { .url = "ws://h/v1/realtime", .model = "a b&c" }, "ws://h/v1/realtime?model=a%20b%26c" },
		{ { .api = SERVICE_AZURE, .url = "wss://n.openai.azure.com", .model = "d", .version = "x" },
		  "wss://n.openai.azure.com/openai/v1/realtime?model=d" },
		{ { .api = SERVICE_AZURE_PREVIEW, .url = "wss://n.openai.azure.com/openai/realtime", .model = "d",
		    .version = "2024-10-01-preview" },
		  "wss://n.openai.azure.com/openai/realtime?api-version=2024-10-01-preview&deployment=d" },
		{ { .api = SERVICE_VOICE_LIVE, .url = "wss://n.services.ai.azure.com", .model = "m" },
		  "wss://n.services.ai.azure.com/voice-live/realtime?api-version=2025-10-01&model=m" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(buf) struct buf b = { 0 };

		rt_url(&cases[i].s, &b);
		CHECK(!b.failed);
		CHECK_STR((const char *)b.p, cases[i].url);
	}
}

#define SESSION                                                                                            \
	"{'id':'sess_1','type':'realtime','model':'ours','output_modalities':['text'],'tools':[],"         \
	"'tool_choice':'auto','temperature':0.7,'truncation':'auto','max_output_tokens':'inf','include':[]," \
	"'audio':{'input':{'transcription':{'language':'de','prompt':null,'model':null},'turn_detection':{'type':'semantic_vad'},"     \
	"'noise_reduction':null},'output':{'voice':'alloy','speed':1.1}}}"

static void sessions(void)
{
	const struct service ga = { .api = SERVICE_OPENAI, .voice = "marin" }, live = { .api = SERVICE_VOICE_LIVE };
	AUTO(json) json_t *from = parse(SESSION);
	AUTO(json) json_t *a = rt_session(&ga, from, RT_TURNS_THEIRS);
	AUTO(json) json_t *b = rt_session(&live, from, RT_TURNS_OURS);

	CHECK(from && a && b);
	CHECK(is(a, "{'type':'realtime','output_modalities':['text'],'tools':[],'tool_choice':'auto',"
		    "'max_output_tokens':'inf','truncation':'auto','audio':{'input':{'format':{'type':'audio/pcm',"
		    "'rate':24000},'transcription':{'language':'de','model':'gpt-4o-mini-transcribe'},'turn_detection':"
		    "{'type':'semantic_vad'},'noise_reduction':null},'output':{'format':{'type':'audio/pcm','rate':24000},"
		    "'voice':'marin','speed':1.1}}}"));
	CHECK(is(b, "{'modalities':['text'],'tools':[],'tool_choice':'auto','max_response_output_tokens':'inf',"
		    "'temperature':0.7,'input_audio_format':'pcm16','input_audio_transcription':{'language':'de',"
		    "'model':'azure-speech'},'turn_detection':null,'input_audio_noise_reduction':null,"
		    "'output_audio_format':'pcm16','voice':'alloy'}"));
}

static void items(void)
{
	static const struct {
		const char *from, *ga, *flat; /* NULL: it cannot be told */
	} cases[] = {
		{ "{'type':'message','role':'assistant','status':'completed','content':[{'type':'output_audio','transcript':'Hi'}]}",
		  "{'type':'message','role':'assistant','id':'x','content':[{'type':'output_text','text':'Hi'}]}",
		  "{'type':'message','role':'assistant','id':'x','content':[{'type':'text','text':'Hi'}]}" },
		{ "{'type':'message','role':'user','content':[{'type':'input_audio','audio':'AAAA','transcript':null}]}",
		  "{'type':'message','role':'user','id':'x','content':[{'type':'input_audio','audio':'AAAA'}]}",
		  "{'type':'message','role':'user','id':'x','content':[{'type':'input_audio','audio':'AAAA'}]}" },
		{ "{'type':'message','role':'system','content':[{'type':'input_text','text':'Be.'}]}",
		  "{'type':'message','role':'system','id':'x','content':[{'type':'input_text','text':'Be.'}]}",
		  "{'type':'message','role':'system','id':'x','content':[{'type':'input_text','text':'Be.'}]}" },
		{ "{'type':'message','role':'user','content':[{'type':'input_image','image_url':'data:'}]}",
		  "{'type':'message','role':'user','id':'x','content':[{'type':'input_image','image_url':'data:'}]}", NULL },
		{ "{'type':'function_call','call_id':'c','name':'n','arguments':'{}','status':'completed','object':'o'}",
		  "{'type':'function_call','id':'x','call_id':'c','name':'n','arguments':'{}'}",
		  "{'type':'function_call','id':'x','call_id':'c','name':'n','arguments':'{}'}" },
		{ "{'type':'function_call_output','call_id':'c','output':'1'}",
		  "{'type':'function_call_output','id':'x','call_id':'c','output':'1'}",
		  "{'type':'function_call_output','id':'x','call_id':'c','output':'1'}" },
		{ "{'type':'message','role':'assistant','content':[]}", NULL, NULL },
		{ "{'type':'message','role':'boss','content':[{'type':'input_text','text':'x'}]}", NULL, NULL },
		{ "{'type':'mcp_call'}", NULL, NULL },
		{ "[]", NULL, NULL },
	};
	const struct service services[] = { { .api = SERVICE_OPENAI }, { .api = SERVICE_AZURE_PREVIEW } };

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (size_t k = 0; k < 2; k++) {
			AUTO(json) json_t *from = parse(cases[i].from);
			const char *wanted = k ? cases[i].flat : cases[i].ga;
			bool known;

			CHECK(from);
			AUTO(json) json_t *to = rt_item(&services[k], from, "x", &known);
			CHECK(known == (wanted != NULL));
			CHECK(!wanted || is(to, wanted));
		}
}

static void responses(void)
{
	const struct service ga = { .api = SERVICE_OPENAI, .voice = "marin" }, flat = { .api = SERVICE_AZURE_PREVIEW };
	AUTO(json) json_t *from = parse("{'output_modalities':['audio'],'max_output_tokens':5,'temperature':1,'metadata':{'a':'b'},"
					"'conversation':'none','audio':{'output':{'voice':'ash'}},'tools':null,"
					"'input':[{'type':'item_reference','id':'i'},{'type':'mcp_call'}]}");
	AUTO(json) json_t *a = rt_response(&ga, from, 7);
	AUTO(json) json_t *b = rt_response(&flat, from, 7);
	AUTO(json) json_t *c = rt_response(&ga, NULL, 0);

	CHECK(from && a && b && c);
	CHECK(is(a, "{'metadata':{'a':'b','voiced_ref':'7'},'input':[{'type':'item_reference','id':'i'}],'tools':[],"
		    "'output_modalities':['audio'],'max_output_tokens':5,'conversation':'none','audio':{'output':{'voice':'marin'}}}"));
	CHECK(is(b, "{'metadata':{'a':'b','voiced_ref':'7'},'input':[{'type':'item_reference','id':'i'}],'tools':[],"
		    "'modalities':['text','audio'],'max_response_output_tokens':5,'temperature':1,'conversation':'none','voice':'ash'}"));
	CHECK_EQ(rt_ref(a), 7);
	CHECK_EQ(rt_ref(c), 0);
	CHECK_EQ(rt_ref(NULL), 0);
}

static void names_of_events(void)
{
	CHECK_EQ(rt_event_of("response.audio.delta"), RT_AUDIO_DELTA);
	CHECK_EQ(rt_event_of("response.output_audio.delta"), RT_AUDIO_DELTA);
	CHECK_EQ(rt_event_of("conversation.item.added"), RT_OTHER);
	CHECK_EQ(rt_event_of(""), RT_OTHER);
}

TESTS({ "urls", urls }, { "sessions", sessions }, { "items", items }, { "responses", responses },
      { "names_of_events", names_of_events })
