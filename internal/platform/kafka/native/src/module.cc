// Registers the addon.
//
// Why: the package uses the old registration: it calls node_module_register while it is loaded. Bun's version of that
// function expects a module built against Bun's tables and does not work in a compiled binary. So this file catches the
// call, and the addon loads as a Node-API module instead. Delete this file when the package is a Node-API addon.

#include <node.h>
#include <node_api.h>

#include "acl-admin.h"
#include "batch-consumer.h"
#include "batch-producer.h"
#include "event-loop.h"
#include "group-admin.h"
#include "topic-admin.h"

static node::node_module* package_module = nullptr;

extern "C" void node_module_register(void* module) { package_module = static_cast<node::node_module*>(module); }

// Node-API cannot take a V8 object as a value, but both see the same global object.
static napi_value to_napi(napi_env env, v8::Local<v8::Context> context, v8::Local<v8::Object> object) {
  const char* name = "__kafka_native_exports";
  v8::Local<v8::String> key = v8::String::NewFromUtf8(v8::Isolate::GetCurrent(), name).ToLocalChecked();
  context->Global()->Set(context, key, object).Check();
  napi_value global, result, napi_key;
  napi_get_global(env, &global);
  napi_get_named_property(env, global, name, &result);
  napi_create_string_utf8(env, name, NAPI_AUTO_LENGTH, &napi_key);
  napi_delete_property(env, global, napi_key, nullptr);
  return result;
}

extern "C" __attribute__((visibility("default"))) napi_value napi_register_module_v1(napi_env env, napi_value) {
  if (bridge::env() != nullptr) {
    napi_throw_error(env, nullptr, "the Kafka addon is already loaded; it serves one JavaScript thread per process");
    return nullptr;
  }
  if (bridge::attach(env) != napi_ok) {
    napi_throw_error(env, nullptr, "the Kafka addon cannot reach the event loop");
    return nullptr;
  }
  v8::Isolate* isolate = v8::Isolate::GetCurrent();
  v8::HandleScope scope(isolate);
  v8::Local<v8::Context> context = isolate->GetCurrentContext();
  v8::Local<v8::Object> exports = v8::Object::New(isolate);
  package_module->nm_register_func(exports, exports, nullptr);
  define_handle_of(exports);
  napi_value result = to_napi(env, context, exports);
  define_batch_consumer(env, result);
  define_batch_producer(env, result);
  define_topic_admin(env, result);
  define_acl_admin(env, result);
  define_group_admin(env, result);
  return result;
}

extern "C" __attribute__((visibility("default"))) int32_t node_api_module_get_api_version_v1() { return 8; }
