#pragma once

#include <node.h>
#include <node_api.h>

void define_handle_of(v8::Local<v8::Object> exports);
void define_batch_consumer(napi_env env, napi_value exports);
