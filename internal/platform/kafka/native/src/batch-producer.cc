// BatchProducer: a whole batch to Kafka from one text, answered once.
//
// Why: the package takes one message per call and reports each delivery by a JavaScript object (18 us of CPU per
// message; under 5 this way). Delete it when the package can take a batch at a comparable cost.
//
// A producer is one librdkafka instance and one thread, which alone touches it: it takes batches in the order of
// the calls, enqueues their records, and serves the delivery reports. When librdkafka's queue is full it serves
// reports until there is room, so that the JavaScript thread never waits. No lock is needed but the one on the inbox.

#include "batch-producer.h"

#include <cstring>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "event-loop.h"
#include "napi-values.h"
#include "rdkafka.h"

namespace {

constexpr char RECORD_SEPARATOR = '\x1e';
constexpr char FIELD_SEPARATOR = '\x1f';
constexpr int POLL_MS = 1'000;
constexpr int FULL_QUEUE_POLL_MS = 10;
constexpr int PURGE_POLL_MS = 100;

struct Record {
  std::string_view topic, key, type, body;
};

struct ProduceFailure {
  size_t index;
  std::string code;
  std::string message;
};

struct Batch;

// What a delivery report carries back: which batch, and by its own address which record.
struct Ticket {
  Batch* batch;
};

struct Batch {
  std::string text;  // librdkafka reads the bodies from here until the last report
  std::vector<Ticket> tickets;
  size_t reported = 0;
  std::vector<ProduceFailure> failures;
  std::string refused;  // why the whole batch was refused before anything of it was sent
  std::string fatal;
  napi_deferred deferred;

  void fail(size_t index, rd_kafka_resp_err_t code, const char* message) {
    failures.push_back({index, rd_kafka_err2name(code), message});
  }
};

// One record per line of the batch; empty when the text is malformed, with the reason in `refused`.
std::vector<Record> parse(Batch& batch) {
  std::vector<Record> records;
  std::string_view rest = batch.text;
  while (!rest.empty()) {
    size_t length = rest.find(RECORD_SEPARATOR);
    std::string_view line = rest.substr(0, length);
    rest = length == std::string_view::npos ? std::string_view{} : rest.substr(length + 1);
    std::string_view fields[4];
    for (int i = 0; i < 3; i++) {
      size_t end = line.find(FIELD_SEPARATOR);
      if (end == std::string_view::npos) {
        batch.refused = "record " + std::to_string(records.size()) + " has fewer than four fields";
        return {};
      }
      fields[i] = line.substr(0, end);
      line = line.substr(end + 1);
    }
    if (fields[0].empty()) {
      batch.refused = "record " + std::to_string(records.size()) + " names no topic";
      return {};
    }
    records.push_back({fields[0], fields[1], fields[2], line});
  }
  return records;
}

void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void*) {
  auto* ticket = static_cast<Ticket*>(message->_private);
  Batch& batch = *ticket->batch;
  batch.reported++;
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
    batch.fail(static_cast<size_t>(ticket - batch.tickets.data()), message->err, rd_kafka_err2str(message->err));
}

// Told to JavaScript as (level, facility or error code, text).
struct Events {
  napi_ref callback = nullptr;

  void tell(int level, std::string name, std::string text) {
    bridge::post([this, level, name = std::move(name), text = std::move(text)] {
      if (callback == nullptr) return;
      napi_env env = bridge::env();
      napi_value function, self;
      napi_get_reference_value(env, callback, &function);
      napi_get_undefined(env, &self);
      napi_value arguments[] = {values::number(env, level), values::text(env, name), values::text(env, text)};
      napi_call_function(env, self, function, std::size(arguments), arguments, nullptr);
    });
  }
};

constexpr int LEVEL_ERROR = 3;  // syslog's, as in librdkafka's log

// Shared by the JavaScript object, the producer's thread and the tasks that the thread posts. The instance of a
// producer that was never closed lives until the process ends.
class Producer : public std::enable_shared_from_this<Producer> {
 public:
  Events events;

  // False with the reason in `error` when librdkafka refuses the settings.
  bool open(const std::vector<std::string>& settings, std::string& error) {
    char reason[512];
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    for (size_t i = 0; i + 1 < settings.size(); i += 2) {
      auto set = rd_kafka_conf_set(conf, settings[i].c_str(), settings[i + 1].c_str(), reason, sizeof reason);
      if (set != RD_KAFKA_CONF_OK) {
        rd_kafka_conf_destroy(conf);
        error = reason;
        return false;
      }
    }
    rd_kafka_conf_set_opaque(conf, this);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_conf_set_log_cb(conf, [](const rd_kafka_t* rk, int level, const char* facility, const char* text) {
      static_cast<Producer*>(rd_kafka_opaque(rk))->events.tell(level, facility, text);
    });
    rd_kafka_conf_set_error_cb(conf, [](rd_kafka_t*, int code, const char* text, void* opaque) {
      const char* name = rd_kafka_err2name(static_cast<rd_kafka_resp_err_t>(code));
      static_cast<Producer*>(opaque)->events.tell(LEVEL_ERROR, name, text);
    });
    kafka_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    if (kafka_ == nullptr) {
      rd_kafka_conf_destroy(conf);
      error = reason;
      return false;
    }
    queue_ = rd_kafka_queue_get_main(kafka_);
    std::thread([self = shared_from_this()] { self->run(); }).detach();
    return true;
  }

  // The thread takes it from here; false once the producer is closing.
  bool submit(std::unique_ptr<Batch> batch) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (closing_) return false;
    inbox_.push_back(std::move(batch));
    rd_kafka_queue_yield(queue_);  // ends the thread's poll; a yield between polls is remembered
    return true;
  }

  // Waits up to `flush_ms` for records in flight, gives up on the rest, then calls `done` on the JavaScript thread.
  bool close(int flush_ms, std::function<void()> done) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (closing_) return false;
    closing_ = true;
    flush_ms_ = flush_ms;
    closed_ = std::move(done);
    rd_kafka_queue_yield(queue_);
    return true;
  }

  // Whether a broker answers within the time; used when opening, before anything is produced.
  rd_kafka_resp_err_t reach(int timeout_ms) {
    const rd_kafka_metadata_t* metadata = nullptr;
    rd_kafka_resp_err_t code = rd_kafka_metadata(kafka_, 0, nullptr, &metadata, timeout_ms);
    if (metadata != nullptr) rd_kafka_metadata_destroy(metadata);
    return code;
  }

 private:
  rd_kafka_t* kafka_ = nullptr;
  rd_kafka_queue_t* queue_ = nullptr;
  std::mutex mutex_;
  std::deque<std::unique_ptr<Batch>> inbox_;  // under mutex_
  bool closing_ = false;                      // under mutex_
  int flush_ms_ = 0;                          // under mutex_
  std::function<void()> closed_;              // under mutex_
  // The thread's own from here on.
  std::deque<std::unique_ptr<Batch>> in_flight_;
  std::unordered_map<std::string, rd_kafka_topic_t*> topics_;

  void run() {
    for (;;) {
      std::deque<std::unique_ptr<Batch>> batches;
      bool closing;
      {
        std::lock_guard<std::mutex> lock(mutex_);
        batches.swap(inbox_);
        closing = closing_;
      }
      for (auto& batch : batches) enqueue(std::move(batch));
      if (closing) break;
      settle();
      rd_kafka_poll(kafka_, POLL_MS);
      settle();
    }
    shut_down();
  }

  void enqueue(std::unique_ptr<Batch> owned) {
    Batch& batch = *owned;
    in_flight_.push_back(std::move(owned));
    std::vector<Record> records = parse(batch);
    batch.tickets.assign(records.size(), Ticket{&batch});
    for (size_t i = 0; i < records.size(); i++) {
      rd_kafka_resp_err_t code = produce(records[i], &batch.tickets[i]);
      while (code == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        rd_kafka_poll(kafka_, FULL_QUEUE_POLL_MS);
        code = produce(records[i], &batch.tickets[i]);
      }
      if (code == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
      batch.reported++;  // refused at once: no delivery report will come
      batch.fail(i, code, rd_kafka_err2str(code));
    }
  }

  rd_kafka_resp_err_t produce(const Record& record, Ticket* ticket) {
    rd_kafka_topic_t* topic = topic_named(record.topic);
    if (topic == nullptr) return rd_kafka_last_error();
    rd_kafka_vu_t fields[6];
    size_t count = 0;
    auto add = [&](rd_kafka_vtype_t type) -> rd_kafka_vu_t& {
      fields[count].vtype = type;
      return fields[count++];
    };
    add(RD_KAFKA_VTYPE_RKT).u.rkt = topic;
    auto& value = add(RD_KAFKA_VTYPE_VALUE).u.mem;
    value = {const_cast<char*>(record.body.data()), record.body.size()};
    add(RD_KAFKA_VTYPE_OPAQUE).u.ptr = ticket;
    if (!record.key.empty())
      add(RD_KAFKA_VTYPE_KEY).u.mem = {const_cast<char*>(record.key.data()), record.key.size()};
    if (!record.type.empty()) {
      auto& header = add(RD_KAFKA_VTYPE_HEADER).u.header;
      header = {"type", record.type.data(), static_cast<ssize_t>(record.type.size())};
    }
    rd_kafka_error_t* error = rd_kafka_produceva(kafka_, fields, count);
    if (error == nullptr) return RD_KAFKA_RESP_ERR_NO_ERROR;
    rd_kafka_resp_err_t code = rd_kafka_error_code(error);
    rd_kafka_error_destroy(error);
    return code;
  }

  rd_kafka_topic_t* topic_named(std::string_view name) {
    rd_kafka_topic_t*& topic = topics_[std::string(name)];
    if (topic == nullptr) topic = rd_kafka_topic_new(kafka_, std::string(name).c_str(), nullptr);
    return topic;
  }

  // Answers every batch whose last report is in.
  void settle() {
    for (size_t left = in_flight_.size(); left > 0; left--) {
      std::unique_ptr<Batch> batch = std::move(in_flight_.front());
      in_flight_.pop_front();
      if (batch->reported < batch->tickets.size()) {
        in_flight_.push_back(std::move(batch));  // a full turn keeps the order
        continue;
      }
      char reason[512];
      if (rd_kafka_fatal_error(kafka_, reason, sizeof reason) != RD_KAFKA_RESP_ERR_NO_ERROR) batch->fatal = reason;
      bridge::post([batch = std::shared_ptr<Batch>(std::move(batch))] { answer(*batch); });
    }
  }

  static void answer(const Batch& batch) {
    napi_env env = bridge::env();
    bridge::release_event_loop();
    if (!batch.refused.empty()) return values::reject(env, batch.deferred, batch.refused);
    napi_value failures = values::array(env, batch.failures.size());
    for (size_t i = 0; i < batch.failures.size(); i++) {
      napi_value failure = values::object(env);
      values::set(env, failure, "index", values::number(env, static_cast<double>(batch.failures[i].index)));
      values::set(env, failure, "code", values::text(env, batch.failures[i].code));
      values::set(env, failure, "message", values::text(env, batch.failures[i].message));
      napi_set_element(env, failures, static_cast<uint32_t>(i), failure);
    }
    napi_value result = values::object(env);
    values::set(env, result, "failures", failures);
    values::set(env, result, "fatal", batch.fatal.empty() ? values::null(env) : values::text(env, batch.fatal));
    napi_resolve_deferred(env, batch.deferred, result);
  }

  // Every record gets its report, so every promise is settled, before the instance goes.
  void shut_down() {
    rd_kafka_flush(kafka_, flush_ms_);
    rd_kafka_purge(kafka_, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    while (rd_kafka_outq_len(kafka_) > 0) rd_kafka_poll(kafka_, PURGE_POLL_MS);
    settle();
    for (auto& [name, topic] : topics_)
      if (topic != nullptr) rd_kafka_topic_destroy(topic);
    rd_kafka_queue_destroy(queue_);
    rd_kafka_destroy(kafka_);
    bridge::post([self = shared_from_this()] {
      bridge::release_event_loop();
      if (self->events.callback != nullptr) napi_delete_reference(bridge::env(), self->events.callback);
      self->events.callback = nullptr;
      self->closed_();
    });
  }
};

using Shared = std::shared_ptr<Producer>;

struct Call {
  napi_value self = nullptr;
  Shared* producer = nullptr;
  napi_value arguments[2];

  Call(napi_env env, napi_callback_info info) {
    size_t count = 2;
    napi_get_cb_info(env, info, &count, arguments, &self, nullptr);
    void* data = nullptr;
    if (napi_unwrap(env, self, &data) == napi_ok) producer = static_cast<Shared*>(data);
  }
};

// new BatchProducer(settings: [name, value, name, value, ..], onEvent: (level, name, text) => void)
napi_value construct(napi_env env, napi_callback_info info) {
  Call call(env, info);
  auto producer = std::make_shared<Producer>();
  napi_create_reference(env, call.arguments[1], 1, &producer->events.callback);
  std::string error;
  if (!producer->open(values::to_strings(env, call.arguments[0]), error)) {
    napi_throw_error(env, nullptr, error.c_str());
    return nullptr;
  }
  auto forget = [](napi_env, void* data, void*) { delete static_cast<Shared*>(data); };
  napi_wrap(env, call.self, new Shared(std::move(producer)), forget, nullptr, nullptr);
  return call.self;
}

// reach(timeoutMs): Promise<{ code, message }>, code `NO_ERROR` when a broker answered
napi_value reach(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (call.producer == nullptr) return nullptr;
  int timeout_ms = static_cast<int>(values::to_number(env, call.arguments[0]));
  auto code = std::make_shared<rd_kafka_resp_err_t>();
  values::Promise promise(env);
  bridge::run_off_thread([producer = *call.producer, code, timeout_ms] { *code = producer->reach(timeout_ms); },
                         [env, code, deferred = promise.deferred] {
                           napi_value result = values::object(env);
                           values::set(env, result, "code", values::text(env, rd_kafka_err2name(*code)));
                           values::set(env, result, "message", values::text(env, rd_kafka_err2str(*code)));
                           napi_resolve_deferred(env, deferred, result);
                         });
  return promise.value;
}

// produce(text): Promise<{ failures: [{ index, code, message }], fatal: string | null }>
napi_value produce(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (call.producer == nullptr) return nullptr;
  auto batch = std::make_unique<Batch>();
  batch->text = values::to_string(env, call.arguments[0]);
  values::Promise promise(env);
  batch->deferred = promise.deferred;
  if ((*call.producer)->submit(std::move(batch)))
    bridge::hold_event_loop();
  else
    values::reject(env, promise.deferred, "the producer is closed");
  return promise.value;
}

// close(flushMs): Promise<void>
napi_value close(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (call.producer == nullptr) return nullptr;
  int flush_ms = static_cast<int>(values::to_number(env, call.arguments[0]));
  values::Promise promise(env);
  auto done = [env, deferred = promise.deferred] { napi_resolve_deferred(env, deferred, values::null(env)); };
  if ((*call.producer)->close(flush_ms, done))
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
