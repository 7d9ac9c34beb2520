// BatchConsumer: reads many messages per call, on the connection of one of the package's KafkaConsumers.
//
// Why: the package builds one JavaScript object per message (19-21 us of CPU; 1.7 this way, JSON.parse included). Here a
// batch is collected off the JavaScript thread and passed on as one text for one JSON.parse. Rarely used parts (key,
// headers, raw bytes) stay native until requested or released. Delete this file, with gathering.* and utf8.h, when the
// package can return a batch at a comparable cost.
//
// The package connects, subscribes and disconnects; gathering.cc reads and commits on its handle. This file is the
// interface to JavaScript. consumer.ts makes one call at a time, except `interrupt`, and `commit` and `progress` during a `poll`.

#include "batch-consumer.h"

#include <nan.h>

#include <memory>
#include <random>
#include <utility>

#include "event-loop.h"
#include "gathering.h"
#include "napi-values.h"
#include "src/kafka-consumer.h"

namespace {

using std::chrono::milliseconds;

// Shared by the JavaScript object and the call in flight.
using Shared = std::shared_ptr<GatheringConsumer>;

uint64_t new_nonce() {
  static std::mt19937_64 random{std::random_device{}()};
  return (random() >> 11) | (uint64_t{1} << 52);  // 53 bits: exact as a JavaScript number, always 16 digits
}

napi_value to_js(napi_env env, const Failure& failure) {
  napi_value result = values::object(env);
  values::set(env, result, "code", values::text(env, rd_kafka_err2name(failure.code)));
  values::set(env, result, "message", values::text(env, failure.message));
  return result;
}

napi_value to_js(napi_env env, const rd_kafka_message_t* message) {
  napi_value result = values::object(env);
  values::set(env, result, "topic", values::text(env, rd_kafka_topic_name(message->rkt)));
  values::set(env, result, "partition", values::number(env, message->partition));
  values::set(env, result, "offset", values::number(env, static_cast<double>(message->offset)));
  rd_kafka_timestamp_type_t kind;
  auto timestamp = static_cast<double>(rd_kafka_message_timestamp(message, &kind));
  values::set(env, result, "timestampMs", values::number(env, timestamp));
  values::set(env, result, "key", values::bytes(env, message->key, message->key_len));
  values::set(env, result, "value", values::bytes(env, message->payload, message->len));
  rd_kafka_headers_t* headers = nullptr;
  rd_kafka_message_headers(message, &headers);
  size_t count = headers == nullptr ? 0 : rd_kafka_header_cnt(headers);
  napi_value list = values::array(env, count);
  for (size_t i = 0; i < count; i++) {
    const char* name;
    const void* value;
    size_t length;
    if (rd_kafka_header_get_all(headers, i, &name, &value, &length) != RD_KAFKA_RESP_ERR_NO_ERROR) break;
    napi_value pair = values::array(env, 2);
    napi_set_element(env, pair, 0, values::text(env, name));
    napi_set_element(env, pair, 1, values::bytes(env, value, length));
    napi_set_element(env, list, static_cast<uint32_t>(i), pair);
  }
  values::set(env, result, "headers", list);
  return result;
}

struct Call {
  Shared consumer;
  napi_value arguments[3];

  Call(napi_env env, napi_callback_info info) {
    napi_value self;
    size_t count = 3;
    void* data = nullptr;
    napi_get_cb_info(env, info, &count, arguments, &self, nullptr);
    if (napi_unwrap(env, self, &data) == napi_ok) consumer = *static_cast<Shared*>(data);
    if (consumer != nullptr && consumer->closed()) {
      consumer = nullptr;
      napi_throw_error(env, nullptr, "the batch consumer is closed");
    }
  }
};

// new BatchConsumer(handle: number, types: string[])
napi_value construct(napi_env env, napi_callback_info info) {
  napi_value self, arguments[2];
  size_t count = 2;
  napi_get_cb_info(env, info, &count, arguments, &self, nullptr);
  auto address = static_cast<uintptr_t>(values::to_number(env, arguments[0]));
  auto consumer = std::make_shared<GatheringConsumer>(reinterpret_cast<rd_kafka_t*>(address),
                                                      values::to_strings(env, arguments[1]));
  auto forget = [](napi_env, void* data, void*) { delete static_cast<Shared*>(data); };
  napi_wrap(env, self, new Shared(std::move(consumer)), forget, nullptr, nullptr);
  return self;
}

// poll(maxMessages, waitMs, gatherMs): Promise<{ error, text, nonce, decodable, undecodable, skipped }>
napi_value poll(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (call.consumer == nullptr) return nullptr;
  auto max = static_cast<size_t>(values::to_number(env, call.arguments[0]));
  milliseconds wait(static_cast<int>(values::to_number(env, call.arguments[1])));
  milliseconds gather(static_cast<int>(values::to_number(env, call.arguments[2])));
  struct Poll {
    std::optional<Failure> failure;
    uint64_t nonce = new_nonce();
    std::string text;
  };
  auto state = std::make_shared<Poll>();
  values::Promise promise(env);
  bridge::run_off_thread(
      [consumer = call.consumer, state, max, wait, gather] {
        state->failure = consumer->gather(max, wait, gather);
        state->text = consumer->batch.joined(state->nonce);
      },
      [env, consumer = call.consumer, state, deferred = promise.deferred] {
        const ConsumedBatch& batch = consumer->batch;
        napi_value result = values::object(env);
        values::set(env, result, "error", state->failure ? to_js(env, *state->failure) : values::null(env));
        values::set(env, result, "text", values::text(env, state->text));
        values::set(env, result, "nonce", values::number(env, static_cast<double>(state->nonce)));
        values::set(env, result, "decodable", values::number(env, static_cast<double>(batch.decodable.size())));
        values::set(env, result, "undecodable", values::number(env, static_cast<double>(batch.undecodable.size())));
        values::set(env, result, "skipped", values::number(env, batch.skipped));
        napi_resolve_deferred(env, deferred, result);
      });
  return promise.value;
}

napi_value position(napi_env env, const std::string& topic, int32_t partition, int64_t offset) {
  napi_value result = values::object(env);
  values::set(env, result, "topic", values::text(env, topic));
  values::set(env, result, "partition", values::number(env, partition));
  values::set(env, result, "offset", values::number(env, static_cast<double>(offset)));
  return result;
}

// positions(): { next, ends }, both [{ topic, partition, offset }]: the offset after the last message of each
// partition in the batch, and the partitions whose end was reached (only with `enable.partition.eof`)
napi_value positions(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (call.consumer == nullptr) return nullptr;
  const ConsumedBatch& batch = call.consumer->batch;
  napi_value next = values::array(env, 0), ends = values::array(env, 0), result = values::object(env);
  for (uint32_t i = 0; i < batch.ranges.size(); i++) {
    const Range& range = batch.ranges[i];
    napi_set_element(env, next, i, position(env, range.name, range.partition, range.next));
  }
  for (uint32_t i = 0; i < batch.ends.size(); i++) {
    const End& end = batch.ends[i];
    napi_set_element(env, ends, i, position(env, end.topic, end.partition, end.offset));
  }
  values::set(env, result, "next", next);
  values::set(env, result, "ends", ends);
  return result;
}

// The message at `arguments[0]`: the decodable ones come first, then the undecodable.
rd_kafka_message_t* message_at(napi_env env, const Call& call) {
  const ConsumedBatch& batch = call.consumer->batch;
  auto index = static_cast<size_t>(values::to_number(env, call.arguments[0]));
  if (index < batch.decodable.size()) return batch.decodable[index];
  index -= batch.decodable.size();
  if (index < batch.undecodable.size()) return batch.undecodable[index];
  napi_throw_range_error(env, nullptr, "no such message in the batch");
  return nullptr;
}

// message(index): RawMessage
napi_value message(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (call.consumer == nullptr) return nullptr;
  rd_kafka_message_t* found = message_at(env, call);
  return found == nullptr ? nullptr : to_js(env, found);
}

// text(index): string, the value of a decodable message
napi_value text(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (call.consumer == nullptr) return nullptr;
  rd_kafka_message_t* found = message_at(env, call);
  if (found == nullptr) return nullptr;
  return values::text(env, {static_cast<const char*>(found->payload), found->len});
}

// topic(index): string, without a copy of the rest of the message
napi_value topic(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (call.consumer == nullptr) return nullptr;
  rd_kafka_message_t* found = message_at(env, call);
  return found == nullptr ? nullptr : values::text(env, rd_kafka_topic_name(found->rkt));
}

// commit(timeoutMs): Promise<{ code, message }>, code `NO_ERROR` when the broker has the offsets of processed messages
napi_value commit(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (call.consumer == nullptr) return nullptr;
  int timeout_ms = static_cast<int>(values::to_number(env, call.arguments[0]));
  auto outcome = std::make_shared<Commit>();
  auto done = std::make_shared<std::vector<Range>>(call.consumer->done());
  values::Promise promise(env);
  bridge::run_off_thread(
      [consumer = call.consumer, done, outcome, timeout_ms] { *outcome = consumer->commit(*done, timeout_ms); },
      [env, consumer = call.consumer, outcome, deferred = promise.deferred] {
        consumer->forget(outcome->settled);
        napi_resolve_deferred(env, deferred, to_js(env, outcome->failure));
      });
  return promise.value;
}

// progress(): Promise<[{ topic, partition, offset, low, high }]> of this member's partitions
napi_value progress(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (call.consumer == nullptr) return nullptr;
  auto found = std::make_shared<std::vector<Progress>>();
  values::Promise promise(env);
  bridge::run_off_thread(
      [consumer = call.consumer, found] { *found = consumer->progress(); },
      [env, found, deferred = promise.deferred] {
        napi_value list = values::array(env, found->size());
        for (uint32_t i = 0; i < found->size(); i++) {
          const Progress& one = (*found)[i];
          napi_value entry = position(env, one.topic, one.partition, one.offset);
          values::set(env, entry, "low", values::number(env, static_cast<double>(one.low)));
          values::set(env, entry, "high", values::number(env, static_cast<double>(one.high)));
          napi_set_element(env, list, i, entry);
        }
        napi_resolve_deferred(env, deferred, list);
      });
  return promise.value;
}

// release(isDone: boolean): gives the messages back
napi_value release(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (call.consumer == nullptr) return nullptr;
  bool is_done = false;
  napi_get_value_bool(env, call.arguments[0], &is_done);
  call.consumer->release(is_done);
  return nullptr;
}

// restart(topics: string[]): the next poll reads this consumer's partitions of the topics from the beginning
napi_value restart(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (call.consumer == nullptr) return nullptr;
  call.consumer->restart(values::to_strings(env, call.arguments[0]));
  return nullptr;
}

// interrupt(): makes a poll in flight return with its messages so far; later polls return at once
napi_value interrupt(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (call.consumer == nullptr) return nullptr;
  call.consumer->interrupt();
  return nullptr;
}

// close(): after this the package may disconnect
napi_value close(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (call.consumer != nullptr) call.consumer->close();
  return nullptr;
}

// handleOf(client): number, for any client of the package. Its object is a V8 wrapper, which Node-API cannot look into.
NAN_METHOD(handle_of) {
  auto* client = Nan::ObjectWrap::Unwrap<NodeKafka::Connection>(info[0].As<v8::Object>());
  auto address = reinterpret_cast<uintptr_t>(client->GetClient()->c_ptr());
  info.GetReturnValue().Set(Nan::New<v8::Number>(static_cast<double>(address)));
}

}  // namespace

void define_handle_of(v8::Local<v8::Object> exports) {
  Nan::Set(exports, Nan::New("handleOf").ToLocalChecked(),
           Nan::GetFunction(Nan::New<v8::FunctionTemplate>(handle_of)).ToLocalChecked());
}

void define_batch_consumer(napi_env env, napi_value exports) {
  const napi_property_descriptor methods[] = {
      {"poll", nullptr, poll, nullptr, nullptr, nullptr, napi_default_method, nullptr},
      {"message", nullptr, message, nullptr, nullptr, nullptr, napi_default_method, nullptr},
      {"positions", nullptr, positions, nullptr, nullptr, nullptr, napi_default_method, nullptr},
      {"topic", nullptr, topic, nullptr, nullptr, nullptr, napi_default_method, nullptr},
      {"text", nullptr, text, nullptr, nullptr, nullptr, napi_default_method, nullptr},
      {"progress", nullptr, progress, nullptr, nullptr, nullptr, napi_default_method, nullptr},
      {"commit", nullptr, commit, nullptr, nullptr, nullptr, napi_default_method, nullptr},
      {"release", nullptr, release, nullptr, nullptr, nullptr, napi_default_method, nullptr},
      {"restart", nullptr, restart, nullptr, nullptr, nullptr, napi_default_method, nullptr},
      {"interrupt", nullptr, interrupt, nullptr, nullptr, nullptr, napi_default_method, nullptr},
      {"close", nullptr, close, nullptr, nullptr, nullptr, napi_default_method, nullptr},
  };
  napi_value constructor;
  napi_define_class(env, "BatchConsumer", NAPI_AUTO_LENGTH, construct, nullptr, std::size(methods), methods,
                    &constructor);
  values::set(env, exports, "BatchConsumer", constructor);
}
