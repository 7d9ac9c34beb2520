// BatchProducer: sends a whole batch to Kafka from one text, with one result.
//
// Why: the package takes one message per call and reports each delivery by a JavaScript object (18 us of CPU per
// message; 3 this way). Delete it, with producing.*, when the package can take a batch at a comparable cost.
//
// producing.cc does the work on its own thread; this file is the interface to JavaScript.

#include "batch-producer.h"

#include <iterator>
#include <memory>
#include <utility>

#include "event-loop.h"
#include "napi-values.h"
#include "producing.h"

namespace {

// Shared by the JavaScript object and the producer's thread.
using Shared = std::shared_ptr<BatchingProducer>;

// The constructor's `onEvent` function. Released only after the producer has closed, so that no event uses a released
// function; both happen on the JavaScript thread.
struct EventCallback {
  napi_ref function;

  void call(int level, const std::string& name, const std::string& text) const {
    if (function == nullptr) return;
    napi_env env = bridge::env();
    napi_value callee, self;
    napi_get_reference_value(env, function, &callee);
    napi_get_undefined(env, &self);
    napi_value arguments[] = {values::number(env, level), values::text(env, name), values::text(env, text)};
    napi_call_function(env, self, callee, std::size(arguments), arguments, nullptr);
  }

  void forget() {
    napi_delete_reference(bridge::env(), std::exchange(function, nullptr));
  }
};

struct ProducerObject {
  Shared producer;
  std::shared_ptr<EventCallback> on_event;
};

struct Call {
  napi_value self = nullptr;
  ProducerObject* object = nullptr;
  napi_value arguments[2];

  Call(napi_env env, napi_callback_info info) {
    size_t count = 2;
    napi_get_cb_info(env, info, &count, arguments, &self, nullptr);
    void* data = nullptr;
    if (napi_unwrap(env, self, &data) == napi_ok) object = static_cast<ProducerObject*>(data);
  }
};

// new BatchProducer(settings: [name, value, name, value, ..], onEvent: (level, name, text) => void)
napi_value construct(napi_env env, napi_callback_info info) {
  Call call(env, info);
  auto on_event = std::make_shared<EventCallback>();
  napi_create_reference(env, call.arguments[1], 1, &on_event->function);
  auto producer = std::make_shared<BatchingProducer>([on_event](int level, std::string name, std::string text) {
    bridge::post([on_event, level, name = std::move(name), text = std::move(text)] {
      on_event->call(level, name, text);
    });
  });
  std::string reason;
  if (!producer->open(values::to_strings(env, call.arguments[0]), reason)) {
    on_event->forget();
    napi_throw_error(env, nullptr, reason.c_str());
    return nullptr;
  }
  auto forget = [](napi_env, void* data, void*) { delete static_cast<ProducerObject*>(data); };
  napi_wrap(env, call.self, new ProducerObject{std::move(producer), std::move(on_event)}, forget, nullptr, nullptr);
  return call.self;
}

// reach(timeoutMs): Promise<{ code, message }>, code `NO_ERROR` when a broker answered
napi_value reach(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (call.object == nullptr) return nullptr;
  int timeout_ms = static_cast<int>(values::to_number(env, call.arguments[0]));
  auto code = std::make_shared<rd_kafka_resp_err_t>();
  values::Promise promise(env);
  bridge::run_off_thread(
      [producer = call.object->producer, code, timeout_ms] { *code = producer->reach(timeout_ms); },
      [env, code, deferred = promise.deferred] {
        napi_value result = values::object(env);
        values::set(env, result, "code", values::text(env, rd_kafka_err2name(*code)));
        values::set(env, result, "message", values::text(env, rd_kafka_err2str(*code)));
        napi_resolve_deferred(env, deferred, result);
      });
  return promise.value;
}

void answer(napi_env env, napi_deferred deferred, const ProducedBatch& batch) {
  if (!batch.refused.empty()) return values::reject(env, deferred, batch.refused);
  napi_value failures = values::array(env, batch.failures.size());
  for (uint32_t i = 0; i < batch.failures.size(); i++) {
    napi_value failure = values::object(env);
    values::set(env, failure, "index", values::number(env, static_cast<double>(batch.failures[i].index)));
    values::set(env, failure, "code", values::text(env, batch.failures[i].code));
    values::set(env, failure, "message", values::text(env, batch.failures[i].message));
    napi_set_element(env, failures, i, failure);
  }
  napi_value result = values::object(env);
  values::set(env, result, "failures", failures);
  values::set(env, result, "fatal", batch.fatal.empty() ? values::null(env) : values::text(env, batch.fatal));
  napi_resolve_deferred(env, deferred, result);
}

// produce(text): Promise<{ failures: [{ index, code, message }], fatal: string | null }>
napi_value produce(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (call.object == nullptr) return nullptr;
  values::Promise promise(env);
  auto batch = std::make_unique<ProducedBatch>();
  batch->text = values::to_string(env, call.arguments[0]);
  batch->done = [env, deferred = promise.deferred](std::unique_ptr<ProducedBatch> done) {
    bridge::post([env, deferred, batch = std::shared_ptr<ProducedBatch>(std::move(done))] {
      bridge::release_event_loop();
      answer(env, deferred, *batch);
    });
  };
  if (call.object->producer->submit(std::move(batch)))
    bridge::hold_event_loop();
  else
    values::reject(env, promise.deferred, "the producer is closed");
  return promise.value;
}

// close(flushMs): Promise<null>
napi_value close(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (call.object == nullptr) return nullptr;
  int flush_ms = static_cast<int>(values::to_number(env, call.arguments[0]));
  values::Promise promise(env);
  auto closed = [env, on_event = call.object->on_event, deferred = promise.deferred] {
    bridge::post([env, on_event, deferred] {
      bridge::release_event_loop();
      on_event->forget();
      napi_resolve_deferred(env, deferred, values::null(env));
    });
  };
  if (call.object->producer->close(flush_ms, closed))
    bridge::hold_event_loop();
  else
    values::reject(env, promise.deferred, "the producer is closed");
  return promise.value;
}

}  // namespace

void define_batch_producer(napi_env env, napi_value exports) {
  const napi_property_descriptor methods[] = {
      {"reach", nullptr, reach, nullptr, nullptr, nullptr, napi_default_method, nullptr},
      {"produce", nullptr, produce, nullptr, nullptr, nullptr, napi_default_method, nullptr},
      {"close", nullptr, close, nullptr, nullptr, nullptr, napi_default_method, nullptr},
  };
  napi_value constructor;
  napi_define_class(env, "BatchProducer", NAPI_AUTO_LENGTH, construct, nullptr, std::size(methods), methods,
                    &constructor);
  values::set(env, exports, "BatchProducer", constructor);
}
