// Short names for building and reading JavaScript values with Node-API; used by the two batch entry points.
// A status is checked only if the caller may pass something wrong: for values made here, Node-API can fail only when
// memory is exhausted.
#pragma once

#include <node_api.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace values {

inline napi_value number(napi_env env, double value) {
  napi_value result;
  napi_create_double(env, value, &result);
  return result;
}

inline napi_value text(napi_env env, std::string_view value) {
  napi_value result;
  napi_create_string_utf8(env, value.data(), value.size(), &result);
  return result;
}

inline napi_value null(napi_env env) {
  napi_value result;
  napi_get_null(env, &result);
  return result;
}

// A copy; null for a null pointer, which Kafka distinguishes from an empty value.
inline napi_value bytes(napi_env env, const void* data, size_t length) {
  if (data == nullptr) return null(env);
  napi_value result;
  napi_create_buffer_copy(env, length, data, nullptr, &result);
  return result;
}

inline napi_value object(napi_env env) {
  napi_value result;
  napi_create_object(env, &result);
  return result;
}

inline napi_value array(napi_env env, size_t length) {
  napi_value result;
  napi_create_array_with_length(env, length, &result);
  return result;
}

inline void set(napi_env env, napi_value holder, const char* name, napi_value value) {
  napi_set_named_property(env, holder, name, value);
}

inline std::string to_string(napi_env env, napi_value value) {
  size_t length = 0;
  napi_get_value_string_utf8(env, value, nullptr, 0, &length);
  std::string result(length, '\0');
  napi_get_value_string_utf8(env, value, result.data(), length + 1, &length);
  return result;
}

inline double to_number(napi_env env, napi_value value) {
  double result = 0;
  napi_get_value_double(env, value, &result);
  return result;
}

inline std::vector<std::string> to_strings(napi_env env, napi_value list) {
  uint32_t length = 0;
  napi_get_array_length(env, list, &length);
  std::vector<std::string> result;
  for (uint32_t i = 0; i < length; i++) {
    napi_value item;
    napi_get_element(env, list, i, &item);
    result.push_back(to_string(env, item));
  }
  return result;
}

// A promise that is settled later, on the JavaScript thread.
struct Promise {
  napi_deferred deferred;
  napi_value value;

  explicit Promise(napi_env env) { napi_create_promise(env, &deferred, &value); }
};

inline void reject(napi_env env, napi_deferred deferred, std::string_view message) {
  napi_value error;
  napi_create_error(env, nullptr, text(env, message), &error);
  napi_reject_deferred(env, deferred, error);
}

}  // namespace values
