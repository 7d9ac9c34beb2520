#pragma once

#include <node_api.h>

void define_group_admin(napi_env env, napi_value exports);
