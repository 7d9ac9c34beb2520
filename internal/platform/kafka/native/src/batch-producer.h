#pragma once

#include <node_api.h>

void define_batch_producer(napi_env env, napi_value exports);
