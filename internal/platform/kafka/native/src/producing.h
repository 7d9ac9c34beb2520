// Produces whole batches with a librdkafka producer, without any JavaScript. Called by batch-producer.cc.
//
// A producer is one librdkafka instance and one thread, the only one that uses it. It takes batches in the order of the
// calls, enqueues their records, and serves the delivery reports. When librdkafka's queue is full it serves reports until
// there is space, so no caller ever waits. The only lock is the one on the inbox.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "rdkafka.h"

struct ProduceFailure {
  size_t index;
  std::string code;
  std::string message;
};

struct ProducedBatch {
  // Records joined by 0x1e, each `topic 0x1f key 0x1f type 0x1f body`. librdkafka reads the bodies from here until the
  // last report.
  std::string text;
  // Called once, on the producer's thread, when every record is delivered or has failed.
  std::function<void(std::unique_ptr<ProducedBatch>)> done;

  std::vector<ProduceFailure> failures;
  std::string refused;  // why the text is malformed; then no record of it was sent
  std::string fatal;    // why the instance can send no more

 private:
  friend class BatchingProducer;

  // The opaque of a delivery report: points to the batch; its own address identifies the record.
  struct Ticket {
    ProducedBatch* batch;
  };
  struct Record {
    std::string_view topic, key, type, body;
  };

  std::vector<Ticket> tickets_;
  size_t reported_ = 0;

  std::vector<Record> parse();
  void report(const Ticket& ticket, rd_kafka_resp_err_t code);
};

class BatchingProducer : public std::enable_shared_from_this<BatchingProducer> {
 public:
  // librdkafka's log (syslog levels) and errors, from any of its threads.
  using EventHandler = std::function<void(int level, std::string name, std::string text)>;

  explicit BatchingProducer(EventHandler on_event) : on_event_(std::move(on_event)) {}

  // Settings are name, value, name, value, ... False, with the reason, if librdkafka rejects them. A producer that is never
  // closed lives until the process ends.
  bool open(const std::vector<std::string>& settings, std::string& reason);

  // Whether a broker answers within the time. Blocks. Do not call it after `close`.
  rd_kafka_resp_err_t reach(int timeout_ms);

  // False once the producer is closing.
  bool submit(std::unique_ptr<ProducedBatch> batch);

  // Waits up to `flush_ms` for records in flight, fails the rest, then calls `closed` on the producer's thread. False if it
  // was called before.
  bool close(int flush_ms, std::function<void()> closed);

 private:
  EventHandler on_event_;
  rd_kafka_t* kafka_ = nullptr;
  rd_kafka_queue_t* queue_ = nullptr;

  std::mutex mutex_;
  std::deque<std::unique_ptr<ProducedBatch>> inbox_;  // guarded by mutex_, like the next three
  bool closing_ = false;
  int flush_ms_ = 0;
  std::function<void()> closed_;

  // Used only by the thread.
  std::deque<std::unique_ptr<ProducedBatch>> in_flight_;
  std::unordered_map<std::string, rd_kafka_topic_t*> topics_;

  void run();
  void enqueue(std::unique_ptr<ProducedBatch> batch);
  rd_kafka_resp_err_t produce(const ProducedBatch::Record& record, ProducedBatch::Ticket* ticket);
  rd_kafka_topic_t* topic_named(std::string_view name);
  void settle();
  void shut_down();
  static void on_delivery(rd_kafka_t* kafka, const rd_kafka_message_t* message, void* opaque);
};
