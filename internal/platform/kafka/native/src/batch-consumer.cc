// BatchConsumer: many messages from one call, on the connection of one of the package's KafkaConsumers.
//
// Why: the package builds a JavaScript object per message (19-21 us of CPU; 1.9 this way, JSON.parse included).
// Here a batch is gathered off the JavaScript thread and crosses over as one text that is one JSON.parse. What
// nobody usually looks at (key, headers, raw bytes) stays native until asked for or released. Delete it when the
// package can hand over a batch at a comparable cost.
//
// Connecting, subscribing and disconnecting are the package's; polling, seeking and committing are librdkafka calls
// on its handle. One batch is held at a time; a batch that is released without a commit is read again: the next poll
// first seeks back to where it began.
//
// Calls from TypeScript are made one after the other (consumer.ts sees to it); only `interrupt` may come in between.

#include "batch-consumer.h"

#include <nan.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "event-loop.h"
#include "napi-values.h"
#include "rdkafka.h"
#include "src/kafka-consumer.h"
#include "utf8.h"

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// After so many messages of other roles the batch ends even without one of ours, so that their offsets get committed.
constexpr uint32_t MAX_SKIPPED = 20'000;
constexpr int SEEK_TIMEOUT_MS = 10'000;

// Where a batch begins and ends in one partition.
struct Range {
  rd_kafka_topic_t* topic;  // kept alive by the messages and, once they are gone, by librdkafka's own topic list
  std::string name;
  int32_t partition;
  int64_t first;
  int64_t next;
  int32_t leader_epoch;
};

struct Failure {
  rd_kafka_resp_err_t code;
  std::string message;
};

struct End {
  std::string topic;
  int32_t partition;
  int64_t offset;
};

struct Batch {
  std::vector<rd_kafka_message_t*> decodable;
  std::vector<rd_kafka_message_t*> undecodable;  // no value, or not UTF-8
  uint32_t skipped = 0;
  std::vector<Range> ranges;
  std::vector<End> ends;
  bool committed = false;

  uint32_t wanted() const { return static_cast<uint32_t>(decodable.size() + undecodable.size()); }

  Range& range_of(const rd_kafka_message_t* message) {
    // Messages come in runs of one partition, and the latest run is at the back.
    for (auto range = ranges.rbegin(); range != ranges.rend(); ++range)
      if (range->topic == message->rkt && range->partition == message->partition) return *range;
    ranges.push_back({message->rkt, rd_kafka_topic_name(message->rkt), message->partition, message->offset,
                      message->offset, -1});
    return ranges.back();
  }
};

struct List {
  rd_kafka_topic_partition_list_t* partitions;

  explicit List(size_t size) : partitions(rd_kafka_topic_partition_list_new(static_cast<int>(size))) {}
  ~List() { rd_kafka_topic_partition_list_destroy(partitions); }
  List(const List&) = delete;

  rd_kafka_topic_partition_t* add(const Range& range, int64_t offset) {
    auto* entry = rd_kafka_topic_partition_list_add(partitions, range.name.c_str(), range.partition);
    entry->offset = offset;
    return entry;
  }
};

// Shared by the JavaScript object and the call in flight, whichever ends last.
struct Consumer {
  rd_kafka_t* kafka;
  rd_kafka_queue_t* queue;
  std::vector<std::string> types;
  Batch batch;
  std::vector<Range> rewind;       // what was released uncommitted
  std::optional<Failure> pending;  // an error that came behind messages: told by the next poll
  std::atomic<bool> closing{false};
  bool closed = false;

  // A message without a type is kept: whoever sent it, nobody else will look at it either.
  bool handles(rd_kafka_message_t* message) const {
    if (types.empty()) return true;
    rd_kafka_headers_t* headers;
    const void* value;
    size_t length;
    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return true;
    if (rd_kafka_header_get_last(headers, "type", &value, &length) != RD_KAFKA_RESP_ERR_NO_ERROR) return true;
    std::string_view type(static_cast<const char*>(value), length);
    for (const std::string& handled : types)
      if (handled == type) return true;
    return false;
  }

  void take(rd_kafka_message_t* message) {
    Range& range = batch.range_of(message);
    range.next = message->offset + 1;
    range.leader_epoch = rd_kafka_message_leader_epoch(message);
    if (!handles(message)) {
      batch.skipped++;
      rd_kafka_message_destroy(message);
      return;
    }
    std::string_view value(static_cast<const char*>(message->payload), message->len);
    bool decodable = message->payload != nullptr && is_utf8(value);
    (decodable ? batch.decodable : batch.undecodable).push_back(message);
  }

  // Back to the start of every batch that was released uncommitted. A partition that another member has meanwhile
  // fails on its own and is left to that member, who starts at the committed offset.
  std::optional<Failure> seek_back() {
    if (rewind.empty()) return std::nullopt;
    List list(rewind.size());
    for (const Range& range : rewind) list.add(range, range.first);
    rd_kafka_error_t* error = rd_kafka_seek_partitions(kafka, list.partitions, SEEK_TIMEOUT_MS);
    if (error != nullptr) {
      Failure failure{rd_kafka_error_code(error), rd_kafka_error_string(error)};
      rd_kafka_error_destroy(error);
      return failure;
    }
    rewind.clear();
    return std::nullopt;
  }

  // An error message of the consumer queue, if it is one the caller must hear of.
  std::optional<Failure> failure_in(rd_kafka_message_t* message) {
    switch (message->err) {
      case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        batch.ends.push_back({rd_kafka_topic_name(message->rkt), message->partition, message->offset});
        return std::nullopt;
      // This process was busy for longer than the group allows and has been put out; polling on joins again.
      case RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED:
        return std::nullopt;
      default:
        return Failure{message->err, rd_kafka_message_errstr(message)};
    }
  }

  std::optional<Failure> gather(uint32_t max, milliseconds wait, milliseconds gather) {
    if (pending) return std::exchange(pending, std::nullopt);
    if (auto failure = seek_back()) return failure;
    auto deadline = Clock::now() + wait;
    while (batch.wanted() < max && batch.skipped < MAX_SKIPPED && !closing) {
      auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now()).count();
      rd_kafka_message_t* message = rd_kafka_consumer_poll(kafka, left > 0 ? static_cast<int>(left) : 0);
      if (message == nullptr) break;
      if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        auto failure = failure_in(message);
        rd_kafka_message_destroy(message);
        if (failure && batch.ranges.empty()) return failure;
        pending = failure;
        if (failure || !batch.ends.empty()) break;
        continue;
      }
      bool was_first = batch.wanted() == 0;
      take(message);
      if (was_first && batch.wanted() == 1) deadline = Clock::now() + gather;
    }
    return std::nullopt;
  }

  // Through a queue of its own, because librdkafka's blocking commit waits as long as the coordinator is away. One
  // that comes through after the time is harmless: what it covers has been handled.
  Failure commit(int timeout_ms) const {
    List list(batch.ranges.size());
    for (const Range& range : batch.ranges)
      rd_kafka_topic_partition_set_leader_epoch(list.add(range, range.next), range.leader_epoch);
    rd_kafka_queue_t* answers = rd_kafka_queue_new(kafka);
    rd_kafka_resp_err_t code = rd_kafka_commit_queue(kafka, list.partitions, answers, nullptr, nullptr);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
      rd_kafka_event_t* answer = rd_kafka_queue_poll(answers, timeout_ms);
      code = answer == nullptr ? RD_KAFKA_RESP_ERR__TIMED_OUT : outcome(answer);
      rd_kafka_event_destroy(answer);
    }
    rd_kafka_queue_destroy(answers);
    return {code, rd_kafka_err2str(code)};
  }

  // The commit as a whole may pass while a partition's fails.
  static rd_kafka_resp_err_t outcome(rd_kafka_event_t* answer) {
    rd_kafka_resp_err_t code = rd_kafka_event_error(answer);
    const rd_kafka_topic_partition_list_t* partitions = rd_kafka_event_topic_partition_list(answer);
    for (int i = 0; code == RD_KAFKA_RESP_ERR_NO_ERROR && partitions != nullptr && i < partitions->cnt; i++)
      code = partitions->elems[i].err;
    return code;
  }

  void release() {
    for (auto* message : batch.decodable) rd_kafka_message_destroy(message);
    for (auto* message : batch.undecodable) rd_kafka_message_destroy(message);
    if (!batch.committed)
      for (Range& range : batch.ranges) rewind.push_back(std::move(range));
    batch = {};
  }

  // The package destroys the connection next, so nothing of it may be held any longer.
  void close() {
    if (std::exchange(closed, true)) return;
    release();
    rd_kafka_queue_destroy(queue);
  }
};

using Shared = std::shared_ptr<Consumer>;

// The wanted messages as `value,nonce,value,nonce,..,value`. The nonce, a number that no message can know, makes
// one JSON.parse of many messages safe: only if it shows up at every second place was each value a whole one.
std::string join(const Batch& batch, const std::string& nonce) {
  std::string text;
  size_t size = 2;
  for (auto* message : batch.decodable) size += message->len + nonce.size() + 2;
  text.reserve(size);
  text += '[';
  for (auto* message : batch.decodable) {
    if (text.size() > 1) text.append(",").append(nonce).append(",");
    text.append(static_cast<const char*>(message->payload), message->len);
  }
  text += ']';
  return text;
}

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
    if (consumer != nullptr && consumer->closed) {
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
  auto consumer = std::make_shared<Consumer>();
  consumer->kafka = reinterpret_cast<rd_kafka_t*>(static_cast<uintptr_t>(values::to_number(env, arguments[0])));
  consumer->queue = rd_kafka_queue_get_consumer(consumer->kafka);
  consumer->types = values::to_strings(env, arguments[1]);
  auto forget = [](napi_env, void* data, void*) { delete static_cast<Shared*>(data); };
  napi_wrap(env, self, new Shared(std::move(consumer)), forget, nullptr, nullptr);
  return self;
}

// poll(maxMessages, waitMs, gatherMs): Promise<{ error, text, nonce, decodable, undecodable, skipped }>
napi_value poll(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (call.consumer == nullptr) return nullptr;
  auto max = static_cast<uint32_t>(values::to_number(env, call.arguments[0]));
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
        state->text = join(consumer->batch, std::to_string(state->nonce));
      },
      [env, consumer = call.consumer, state, deferred = promise.deferred] {
        const Batch& batch = consumer->batch;
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
// partition in the batch, and the partitions whose end was reached (told only with `enable.partition.eof`)
napi_value positions(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (call.consumer == nullptr) return nullptr;
  const Batch& batch = call.consumer->batch;
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
  const Batch& batch = call.consumer->batch;
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

// commit(timeoutMs): Promise<{ code, message }>, code `NO_ERROR` when the broker has the offsets
napi_value commit(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (call.consumer == nullptr) return nullptr;
  int timeout_ms = static_cast<int>(values::to_number(env, call.arguments[0]));
  auto outcome = std::make_shared<Failure>();
  values::Promise promise(env);
  bridge::run_off_thread([consumer = call.consumer, outcome, timeout_ms] { *outcome = consumer->commit(timeout_ms); },
                         [env, outcome, deferred = promise.deferred] {
                           napi_resolve_deferred(env, deferred, to_js(env, *outcome));
                         });
  return promise.value;
}

// release(committed: boolean): gives the messages back
napi_value release(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (call.consumer == nullptr) return nullptr;
  napi_get_value_bool(env, call.arguments[0], &call.consumer->batch.committed);
  call.consumer->release();
  return nullptr;
}

// interrupt(): makes a poll in flight return with what it has; later polls return at once
napi_value interrupt(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (call.consumer == nullptr) return nullptr;
  call.consumer->closing = true;
  rd_kafka_queue_yield(call.consumer->queue);
  return nullptr;
}

// close(): after this the package may disconnect
napi_value close(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (call.consumer != nullptr) call.consumer->close();
  return nullptr;
}

// handleOf(kafkaConsumer): number. The package's object is a V8 wrapper, which Node-API cannot look into.
NAN_METHOD(handle_of) {
  auto* consumer = Nan::ObjectWrap::Unwrap<NodeKafka::KafkaConsumer>(info[0].As<v8::Object>());
  auto address = reinterpret_cast<uintptr_t>(consumer->GetClient()->c_ptr());
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
      {"text", nullptr, text, nullptr, nullptr, nullptr, napi_default_method, nullptr},
      {"commit", nullptr, commit, nullptr, nullptr, nullptr, napi_default_method, nullptr},
      {"release", nullptr, release, nullptr, nullptr, nullptr, napi_default_method, nullptr},
      {"interrupt", nullptr, interrupt, nullptr, nullptr, nullptr, napi_default_method, nullptr},
      {"close", nullptr, close, nullptr, nullptr, nullptr, napi_default_method, nullptr},
  };
  napi_value constructor;
  napi_define_class(env, "BatchConsumer", NAPI_AUTO_LENGTH, construct, nullptr, std::size(methods), methods,
                    &constructor);
  values::set(env, exports, "BatchConsumer", constructor);
}
