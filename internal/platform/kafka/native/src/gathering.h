// Reading batches on a librdkafka consumer, without a word of JavaScript: gather, hand out, commit, seek back, release.
// Called by batch-consumer.cc, one call after the other; only `closing`, the queue's yield and commits come in between.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "rdkafka.h"

// Where a batch begins and ends in one partition.
struct Range {
  rd_kafka_topic_t* topic;  // kept alive by the messages and, once they are gone, by librdkafka's own topic list
  std::string name;
  int32_t partition;
  int64_t first;
  int64_t next;
  int32_t leader_epoch;

  bool same_partition(const Range& other) const { return partition == other.partition && name == other.name; }
};

// A partition whose end was reached; told only with `enable.partition.eof`.
struct End {
  std::string topic;
  int32_t partition;
  int64_t offset;
};

struct Failure {
  rd_kafka_resp_err_t code;
  std::string message;
};

// What became of a commit: the last failure of a partition, and what need not be committed again.
struct Commit {
  Failure failure{RD_KAFKA_RESP_ERR_NO_ERROR, ""};
  std::vector<Range> settled;
};

struct ConsumedBatch {
  std::vector<rd_kafka_message_t*> decodable;
  std::vector<rd_kafka_message_t*> undecodable;  // no value, or not UTF-8
  uint32_t skipped = 0;
  std::vector<Range> ranges;
  std::vector<End> ends;

  size_t wanted() const { return decodable.size() + undecodable.size(); }
  void add(rd_kafka_message_t* message, bool is_wanted);

  // The decodable messages as a JSON array `[value,nonce,value,nonce,..,value]`. The nonce, a number that no message
  // can know, makes one JSON.parse of many messages safe: only if it stands at every second place was each a whole value.
  std::string joined(uint64_t nonce) const;

 private:
  Range& range_of(const rd_kafka_message_t* message);
};

class GatheringConsumer {
 public:
  ConsumedBatch batch;
  std::atomic<bool> closing{false};

  GatheringConsumer(rd_kafka_t* kafka, std::vector<std::string> types);

  // Fills `batch`: waits for the first wanted message, then goes on gathering, up to `max`. An error behind messages is
  // kept for the next call. Blocks; any thread.
  std::optional<Failure> gather(size_t max, std::chrono::milliseconds wait, std::chrono::milliseconds gather);

  // Gives the messages back. Done with, their offsets are to be committed; if not they are read again: the next `gather`
  // first seeks back.
  void release(bool is_done);

  // What is done with and, as far as is known, not committed.
  const std::vector<Range>& done() const { return done_; }

  // Returns once the broker has answered, or the time is over. Blocks; any thread, also during a `gather`.
  Commit commit(const std::vector<Range>& done, int timeout_ms) const;

  // These are committed, or nobody's business any more.
  void forget(const std::vector<Range>& settled);

  // The next `gather` seeks to the beginning of the assigned partitions of these topics. Not during a `gather`.
  void restart(const std::vector<std::string>& topics);

  // Makes a `gather` in flight return with what it has, and later ones at once.
  void interrupt();

  // Lets go of everything that belongs to the connection, which its owner destroys next.
  void close();
  bool closed() const { return closed_; }

 private:
  rd_kafka_t* kafka_;
  rd_kafka_queue_t* queue_;
  std::vector<std::string> types_;
  std::vector<Range> rewind_;       // what was released and is not done with
  std::vector<Range> done_;         // the last of each partition
  std::optional<Failure> pending_;  // the error that came behind messages
  bool closed_ = false;

  bool handles(rd_kafka_message_t* message) const;
  std::optional<Failure> seek_back();
  std::optional<Failure> failure_in(const rd_kafka_message_t* message);
};
