#include "producing.h"

#include <charconv>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>

namespace {

constexpr char RECORD_SEPARATOR = '\x1e';
constexpr char FIELD_SEPARATOR = '\x1f';
constexpr int POLL_MS = 1'000;
constexpr int FULL_QUEUE_POLL_MS = 10;
constexpr int PURGE_POLL_MS = 100;
constexpr int LEVEL_ERROR = 3;  // a syslog level, as in librdkafka's log
constexpr size_t UUID_LENGTH = 36;
constexpr size_t UUID_VERSION_AT = 14;
constexpr uint64_t BIRTH_WINDOW_MS = 512;
constexpr uint64_t GOLDEN = 0x9E3779B97F4A7C15;  // 2^64 / golden ratio

// The creation time of a UUIDv7 in milliseconds since the epoch; empty for any other key.
std::optional<uint64_t> born_at(std::string_view key) {
  if (key.size() != UUID_LENGTH || key[UUID_VERSION_AT] != '7') return std::nullopt;
  uint64_t high = 0, low = 0;
  auto is_hex = [](std::string_view text, uint64_t& value) {
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
    return error == std::errc{} && end == text.data() + text.size();
  };
  if (!is_hex(key.substr(0, 8), high) || !is_hex(key.substr(9, 4), low)) return std::nullopt;
  return high << 16 | low;
}

// The fractional parts of multiples of the golden ratio fill the range evenly, for any number of them.
int32_t spread(uint64_t window, int32_t partitions) {
  return static_cast<int32_t>((window * GOLDEN >> 32) * static_cast<uint64_t>(partitions) >> 32);
}

// Keys created at the same time share a partition, so that a batch goes to few partitions: librdkafka sends one request per
// partition, and the broker appends, wakes consumers and answers for each. Within seconds every partition is used. Consecutive
// time windows go to distant partitions, because a group's members have neighbouring ones: each member soon gets its share. A
// key that is not a UUIDv7 goes to the partition of Java's partitioner.
int32_t partition_of(const rd_kafka_topic_t* topic, const void* key, size_t length, int32_t partitions, void* opaque,
                     void* message_opaque) {
  if (auto born = born_at({static_cast<const char*>(key), length}); born.has_value())
    return spread(*born / BIRTH_WINDOW_MS, partitions);
  return rd_kafka_msg_partitioner_murmur2_random(topic, key, length, partitions, opaque, message_opaque);
}

}  // namespace

std::vector<ProducedBatch::Record> ProducedBatch::parse() {
  std::vector<Record> records;
  std::string_view rest = text;
  while (!rest.empty()) {
    size_t length = rest.find(RECORD_SEPARATOR);
    std::string_view line = rest.substr(0, length);
    rest = length == std::string_view::npos ? std::string_view{} : rest.substr(length + 1);
    std::string_view fields[3];
    for (std::string_view& field : fields) {
      size_t end = line.find(FIELD_SEPARATOR);
      if (end == std::string_view::npos) {
        refused = "record " + std::to_string(records.size()) + " has fewer than four fields";
        return {};
      }
      field = line.substr(0, end);
      line = line.substr(end + 1);
    }
    if (fields[0].empty()) {
      refused = "record " + std::to_string(records.size()) + " names no topic";
      return {};
    }
    records.push_back({fields[0], fields[1], fields[2], line});
  }
  return records;
}

void ProducedBatch::report(const Ticket& ticket, rd_kafka_resp_err_t code) {
  reported_++;
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return;
  auto index = static_cast<size_t>(&ticket - tickets_.data());
  failures.push_back({index, rd_kafka_err2name(code), rd_kafka_err2str(code)});
}

bool BatchingProducer::open(const std::vector<std::string>& settings, std::string& reason) {
  char error[512];
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  for (size_t i = 0; i + 1 < settings.size(); i += 2) {
    auto set = rd_kafka_conf_set(conf, settings[i].c_str(), settings[i + 1].c_str(), error, sizeof error);
    if (set == RD_KAFKA_CONF_OK) continue;
    rd_kafka_conf_destroy(conf);
    reason = error;
    return false;
  }
  rd_kafka_conf_set_opaque(conf, this);
  rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
  rd_kafka_conf_set_log_cb(conf, [](const rd_kafka_t* kafka, int level, const char* facility, const char* text) {
    static_cast<BatchingProducer*>(rd_kafka_opaque(kafka))->on_event_(level, facility, text);
  });
  rd_kafka_conf_set_error_cb(conf, [](rd_kafka_t*, int code, const char* text, void* opaque) {
    const char* name = rd_kafka_err2name(static_cast<rd_kafka_resp_err_t>(code));
    static_cast<BatchingProducer*>(opaque)->on_event_(LEVEL_ERROR, name, text);
  });
  kafka_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
  if (kafka_ == nullptr) {
    rd_kafka_conf_destroy(conf);
    reason = error;
    return false;
  }
  queue_ = rd_kafka_queue_get_main(kafka_);
  std::thread([self = shared_from_this()] { self->run(); }).detach();
  return true;
}

rd_kafka_resp_err_t BatchingProducer::reach(int timeout_ms) {
  const rd_kafka_metadata_t* metadata = nullptr;
  rd_kafka_resp_err_t code = rd_kafka_metadata(kafka_, 0, nullptr, &metadata, timeout_ms);
  if (metadata != nullptr) rd_kafka_metadata_destroy(metadata);
  return code;
}

bool BatchingProducer::submit(std::unique_ptr<ProducedBatch> batch) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (closing_) return false;
  inbox_.push_back(std::move(batch));
  rd_kafka_queue_yield(queue_);  // ends the thread's poll; a yield between polls is remembered
  return true;
}

bool BatchingProducer::close(int flush_ms, std::function<void()> closed) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (closing_) return false;
  closing_ = true;
  flush_ms_ = flush_ms;
  closed_ = std::move(closed);
  rd_kafka_queue_yield(queue_);
  return true;
}

void BatchingProducer::run() {
  for (;;) {
    std::deque<std::unique_ptr<ProducedBatch>> batches;
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

void BatchingProducer::enqueue(std::unique_ptr<ProducedBatch> owned) {
  ProducedBatch& batch = *owned;
  in_flight_.push_back(std::move(owned));
  std::vector<ProducedBatch::Record> records = batch.parse();
  batch.tickets_.assign(records.size(), ProducedBatch::Ticket{&batch});
  for (size_t i = 0; i < records.size(); i++) {
    rd_kafka_resp_err_t code = produce(records[i], &batch.tickets_[i]);
    while (code == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
      rd_kafka_poll(kafka_, FULL_QUEUE_POLL_MS);
      code = produce(records[i], &batch.tickets_[i]);
    }
    // Rejected at once: there will be no delivery report.
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) batch.report(batch.tickets_[i], code);
  }
}

rd_kafka_resp_err_t BatchingProducer::produce(const ProducedBatch::Record& record, ProducedBatch::Ticket* ticket) {
  rd_kafka_topic_t* topic = topic_named(record.topic);
  if (topic == nullptr) return rd_kafka_last_error();
  rd_kafka_vu_t fields[5];
  size_t count = 0;
  auto next = [&](rd_kafka_vtype_t type) -> auto& {
    fields[count].vtype = type;
    return fields[count++].u;
  };
  next(RD_KAFKA_VTYPE_RKT).rkt = topic;
  next(RD_KAFKA_VTYPE_VALUE).mem = {const_cast<char*>(record.body.data()), record.body.size()};
  next(RD_KAFKA_VTYPE_OPAQUE).ptr = ticket;
  if (!record.key.empty()) next(RD_KAFKA_VTYPE_KEY).mem = {const_cast<char*>(record.key.data()), record.key.size()};
  if (!record.type.empty()) {
    next(RD_KAFKA_VTYPE_HEADER).header = {"type", record.type.data(), static_cast<ssize_t>(record.type.size())};
  }
  rd_kafka_error_t* error = rd_kafka_produceva(kafka_, fields, count);
  rd_kafka_resp_err_t code = rd_kafka_error_code(error);
  rd_kafka_error_destroy(error);
  return code;
}

// Cached, because a topic look-up by name costs more than all other work on a record.
rd_kafka_topic_t* BatchingProducer::topic_named(std::string_view name) {
  rd_kafka_topic_t*& topic = topics_[std::string(name)];
  if (topic == nullptr) {
    rd_kafka_topic_conf_t* conf = rd_kafka_default_topic_conf_dup(kafka_);
    rd_kafka_topic_conf_set_partitioner_cb(conf, partition_of);
    topic = rd_kafka_topic_new(kafka_, std::string(name).c_str(), conf);
  }
  return topic;
}

void BatchingProducer::on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void*) {
  auto* ticket = static_cast<ProducedBatch::Ticket*>(message->_private);
  ticket->batch->report(*ticket, message->err);
}

// Settles every batch whose last report has arrived.
void BatchingProducer::settle() {
  for (size_t left = in_flight_.size(); left > 0; left--) {
    std::unique_ptr<ProducedBatch> batch = std::move(in_flight_.front());
    in_flight_.pop_front();
    if (batch->reported_ < batch->tickets_.size()) {
      in_flight_.push_back(std::move(batch));  // a full turn keeps the order
      continue;
    }
    char error[512];
    if (rd_kafka_fatal_error(kafka_, error, sizeof error) != RD_KAFKA_RESP_ERR_NO_ERROR) batch->fatal = error;
    auto done = std::move(batch->done);
    done(std::move(batch));
  }
}

// Every record gets its report, and so every batch its result, before the instance is destroyed.
void BatchingProducer::shut_down() {
  rd_kafka_flush(kafka_, flush_ms_);
  rd_kafka_purge(kafka_, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  while (rd_kafka_outq_len(kafka_) > 0) rd_kafka_poll(kafka_, PURGE_POLL_MS);
  settle();
  for (auto& [name, topic] : topics_)
    if (topic != nullptr) rd_kafka_topic_destroy(topic);
  rd_kafka_queue_destroy(queue_);
  rd_kafka_destroy(kafka_);
  closed_();
}
