/* property_sayings.h - for property_test.c: the messages of which sessions are made up. */
#pragma once

#include "session/property.h"

enum {
	GA = BIT(DIALECT_GA),
	LIVE = BIT(DIALECT_VOICE_LIVE),
	FLAT = BIT(DIALECT_BETA) | LIVE,
	ANY = GA | FLAT
};

/* What must come of a message that its cell says is served: no error, an error, or either. */
enum verdict { FINE, BAD, MAYBE };

/* clang-format off */
/* ' stands for ", @ for the id of an item or response that may be there. */
static const struct saying {
	enum in in;
	unsigned dialects;
	enum verdict verdict;
	const char *members;
} sayings[] = {
	{ IN_UPDATE, GA, FINE, "'session':{'type':'realtime','instructions':'Be brief.','more':1}" },
	{ IN_UPDATE, GA, FINE, "'session':{'type':'realtime','output_modalities':['text']}" },
	{ IN_UPDATE, GA, FINE, "'session':{'type':'realtime','output_modalities':['audio'],'audio':{'input':{'transcription':{'model':'m'}}}}" },
	{ IN_UPDATE, GA, FINE, "'session':{'type':'realtime','tools':[{'type':'function','name':'f'}],'include':['voiced.sources','voiced.latency','voiced.partials','voiced.cost']}" },
	{ IN_UPDATE, GA, FINE, "'session':{'type':'realtime','tools':[{'type':'mcp','server_label':'s','server_url':'https://tools.example/','require_approval':{'never':{'tool_names':['add']}}},{'type':'mcp','server_label':'d','server_url':'https://down.example/'}]}" },
	{ IN_UPDATE, GA, FINE, "'session':{'type':'realtime','tools':[{'type':'mcp','server_label':'s','server_url':'https://tools.example/','authorization':'s3cret'},{'type':'mcp','server_label':'p','server_url':'http://10.0.0.1/'}]}" },
	{ IN_UPDATE, GA, BAD, "'session':{'type':'realtime','tools':[{'type':'mcp','server_label':'s'}]}" },
	{ IN_UPDATE, GA, FINE, "'session':{'type':'realtime','audio':{'input':{'format':{'type':'audio/pcmu'}},'output':{'format':{'type':'audio/pcma'}}}}" },
	{ IN_UPDATE, GA, FINE, "'session':{'type':'realtime','audio':{'input':{'turn_detection':null}}}" },
	{ IN_UPDATE, GA, FINE, "'session':{'type':'realtime','audio':{'input':{'turn_detection':{'type':'semantic_vad'}}}}" },
	{ IN_UPDATE, GA, BAD, "'session':{'type':'nonsense'}" },
	{ IN_UPDATE, GA, BAD, "'session':{}" },
	{ IN_UPDATE, GA, BAD, "'session':{'type':'realtime','audio':{'input':{'turn_detection':{'type':'psychic'}}}}" },
	{ IN_UPDATE, GA, MAYBE, "'session':{'type':'realtime','audio':{'output':{'voice':'ash'}}}" },
	{ IN_UPDATE, FLAT, FINE, "'session':{'instructions':'Be brief.','temperature':0.7,'more':{}}" },
	{ IN_UPDATE, FLAT, FINE, "'session':{'modalities':['text']}" },
	{ IN_UPDATE, FLAT, FINE, "'session':{'modalities':['text','audio'],'input_audio_transcription':{'model':'whisper-1'}}" },
	{ IN_UPDATE, FLAT, FINE, "'session':{'turn_detection':null}" },
	{ IN_UPDATE, FLAT, FINE, "'session':{'tools':[{'type':'function','name':'f'}],'tool_choice':'auto','include':['voiced.sources','voiced.lifecycle']}" },
	{ IN_UPDATE, FLAT, FINE, "'session':{'input_audio_format':'g711_ulaw','output_audio_format':'g711_alaw'}" },
	{ IN_UPDATE, FLAT, BAD, "'session':{'turn_detection':{'type':7}}" },
	{ IN_UPDATE, FLAT, MAYBE, "'session':{'voice':'ash'}" },
	{ IN_UPDATE, BIT(DIALECT_BETA), MAYBE, "'session':{'type':'realtime'}" },
	{ IN_UPDATE, LIVE, FINE, "'session':{'avatar':{'character':'lisa'},'animation':{'outputs':['blendshapes','viseme_id']},'output_audio_timestamp_types':['word']}" },
	{ IN_UPDATE, LIVE, FINE, "'session':{'tools':[{'type':'mcp','server_label':'s','server_url':'https://tools.example/','require_approval':{'never':['fail'],'always':['add']}}]}" },
	{ IN_UPDATE, LIVE, FINE, "'session':{'turn_detection':{'type':'azure_semantic_vad','auto_truncate':true}}" },
	{ IN_UPDATE, LIVE, FINE, "'session':{'output_audio_format':'pcm16_16000hz','input_audio_sampling_rate':16000}" },
	{ IN_T_UPDATE, ANY, FINE, "'session':{'input_audio_transcription':{'model':'whisper-1','language':'en'}}" },
	{ IN_APPEND, ANY, FINE, "'audio':'AAAAAAAA'" },
	{ IN_APPEND, ANY, FINE, "'audio':''" },
	{ IN_APPEND, ANY, BAD, "'audio':'A'" },
	{ IN_APPEND, ANY, BAD, "" },
	{ IN_COMMIT, ANY, FINE, "" },
	{ IN_CLEAR, ANY, FINE, "" },
	{ IN_CREATE, ANY, FINE, "'item':{'type':'message','role':'user','content':[{'type':'input_text','text':'hi'}]}" },
	{ IN_CREATE, ANY, FINE, "'item':{'type':'message','role':'user','content':[{'type':'input_text','text':'Yes, please.'}]}" },
	{ IN_UPDATE, LIVE, FINE, "'session':{'interim_response':{'type':'static_interim_response','texts':['One moment.'],'triggers':['tool','latency'],'latency_threshold_ms':100}}" },
	{ IN_CREATE, ANY, FINE, "'previous_item_id':'root','item':{'type':'message','role':'system','content':[{'type':'input_text','text':'hi'}]}" },
	{ IN_CREATE, ANY, FINE, "'item':{'type':'message','role':'assistant','content':[{'type':'text','text':'hi'}]}" },
	{ IN_CREATE, ANY, FINE, "'item':{'type':'message','role':'assistant','content':[{'type':'output_audio'}]}" },
	{ IN_CREATE, ANY, FINE, "'item':{'type':'message','role':'user','content':[{'type':'input_audio','audio':'AAAAAAAA'}]}" },
	{ IN_CREATE, ANY, MAYBE, "'item':{'type':'function_call_output','call_id':'c','output':'o'}" },
	{ IN_CREATE, ANY, BAD, "'item':{'type':'function_call_output','call_id':'nobody','output':'o'}" },
	{ IN_CREATE, ANY, FINE, "'item':{'type':'function_call','call_id':'c','name':'f','arguments':'{}'}" },
	{ IN_CREATE, ANY, MAYBE, "'previous_item_id':'@','item':{'type':'message','role':'user','content':[{'type':'input_text','text':'hi'}]}" },
	{ IN_CREATE, ANY, MAYBE, "'item':{'id':'fixed','type':'message','role':'user','content':[{'type':'input_text','text':'hi'}]}" },
	{ IN_CREATE, ANY, BAD, "'previous_item_id':'nowhere','item':{'type':'message','role':'user','content':[]}" },
	{ IN_CREATE, ANY, BAD, "'item':{'type':'message','role':'user','content':[{'type':'output_text','text':'hi'}]}" },
	{ IN_CREATE, ANY, BAD, "'item':{'type':'nonsense'}" },
	{ IN_RETRIEVE, ANY, MAYBE, "'item_id':'@'" },
	{ IN_RETRIEVE, ANY, BAD, "'item_id':'nowhere'" },
	{ IN_DELETE, ANY, MAYBE, "'item_id':'@'" },
	{ IN_DELETE, ANY, BAD, "'item_id':'nowhere'" },
	{ IN_TRUNCATE, ANY, MAYBE, "'item_id':'@','content_index':0,'audio_end_ms':100" },
	{ IN_TRUNCATE, ANY, BAD, "'item_id':'nowhere','content_index':0,'audio_end_ms':100" },
	{ IN_RESPOND, ANY, FINE, "" },
	{ IN_RESPOND, ANY, FINE, "'response':{'conversation':'none','metadata':{'a':'b'}}" },
	{ IN_RESPOND, GA, FINE, "'response':{'output_modalities':['text']}" },
	{ IN_RESPOND, GA, FINE, "'response':{'conversation':'none','input':[],'output_modalities':['text'],'max_output_tokens':7}" },
	{ IN_RESPOND, FLAT, FINE, "'response':{'modalities':['text'],'max_response_output_tokens':'inf'}" },
	{ IN_RESPOND, FLAT, MAYBE, "'response':{'cancel_previous':true,'commit':true,'modalities':['audio','text']}" },
	{ IN_RESPOND, LIVE, FINE, "'additional_instructions':'Hurry.','response':{'pre_generated_assistant_message':{'type':'message','role':'assistant','content':[{'type':'text','text':'As I said.'}]}}" },
	{ IN_RESPOND, ANY, MAYBE, "'response':{'input':[{'type':'item_reference','id':'@'}]}" },
	{ IN_RESPOND, ANY, BAD, "'response':{'conversation':'both'}" },
	{ IN_RESPOND, ANY, BAD, "'response':{'metadata':{'a':1}}" },
	{ IN_RESPOND, ANY, BAD, "'response':{'input':[{'type':'item_reference','id':'nowhere'}]}" },
	{ IN_CANCEL, ANY, MAYBE, "" },
	{ IN_CANCEL, ANY, MAYBE, "'response_id':'@'" },
	{ IN_CANCEL, ANY, BAD, "'response_id':'nowhere'" },
	{ IN_OUT_CLEAR, ANY, FINE, "" },
	{ IN_TURN_START, LIVE, FINE, "'turn_id':'t'" },
	{ IN_TURN_APPEND, LIVE, FINE, "'turn_id':'t','audio':'AAAAAAAA'" },
	{ IN_TURN_END, LIVE, FINE, "'turn_id':'t'" },
	{ IN_TURN_CANCEL, LIVE, FINE, "" },
	{ IN_IN_CLEAR, LIVE, FINE, "" },
	{ IN_TEXT_DELTA, LIVE, FINE, "'id':'x','delta':'some '" },
	{ IN_TEXT_DELTA, LIVE, BAD, "'id':'x','delta':7" },
	{ IN_TEXT_DONE, LIVE, MAYBE, "'id':'x'" },
	{ IN_TEXT_DONE, LIVE, BAD, "'id':'y'" },
	{ IN_APPROVAL, LIVE, BAD, "'approval_request_id':'a','approve':true" },
	{ IN_APPROVAL, LIVE, MAYBE, "'approval_request_id':'@','approve':true" },
	{ IN_APPROVAL, LIVE, MAYBE, "'approval_request_id':'@','approve':false,'reason':'no'" },
	{ IN_CREATE, ANY, MAYBE, "'item':{'type':'mcp_approval_response','approval_request_id':'@','approve':true}" },
	{ IN_CREATE, ANY, MAYBE, "'item':{'type':'mcp_approval_response','approval_request_id':'@','approve':false}" },
	{ IN_CREATE, ANY, BAD, "'item':{'type':'mcp_approval_response','approval_request_id':'nobody','approve':true}" },
	{ IN_CREATE, ANY, BAD, "'item':{'type':'mcp_approval_response','approval_request_id':'@'}" },
	{ IN_AVATAR, LIVE, BAD, "'client_sdp':'AAAA'" },
	{ IN_SDP, LIVE, BAD, "'sdp_offer':'v=0'" },
};
/* clang-format on */
