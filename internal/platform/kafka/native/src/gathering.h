// Reads batches with a librdkafka consumer, without any JavaScript: collect, return, commit, seek back, release. Called by
// batch-consumer.cc, one call at a time; only `closing`, the queue's yield, commits and `progress` may overlap.
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
  rd_kafka_topic_t* topic;  // kept alive by the messages and, after their release, by librdkafka's own topic list
  std::string name;
  int32_t partition;
  int64_t first;
  int64_t next;
  int32_t leader_epoch;

  bool same_partition(const Range& other) const { return partition == other.partition && name == other.name; }
};

// A partition whose end was reached; only with `enable.partition.eof`.
struct End {
  std::string topic;
  int32_t partition;
  int64_t offset;
};

// How far a partition is read, as far as librdkafka knows without asking a broker. Negative: not known.
struct Progress {
  std::string topic;
  int32_t partition;
  int64_t offset;  // of the next message
  int64_t low;
  int64_t high;
};

struct Failure {
  rd_kafka_resp_err_t code;
  std::string message;
};

// The result of a commit: the last failure of a partition, and the ranges that need no other commit.
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

  // The decodable messages as a JSON array `[value,nonce,value,nonce,..,value]`. The nonce, a number that no
  // message can know, makes one JSON.parse of many messages safe: each message is one whole value only if the nonce is at
  // every second place.
  std::string joined(uint64_t nonce) const;

 private:
  Range& range_of(const rd_kafka_message_t* message);
};

class GatheringConsumer {
 public:
  ConsumedBatch batch;
  std::atomic<bool> closing{false};

  GatheringConsumer(rd_kafka_t* kafka, std::vector<std::string> types);

  // Fills `batch`: waits for the first wanted message, then lingers for more, up to `max`. An error after messages is kept
  // for the next call. Blocks; any thread.
  std::optional<Failure> gather(size_t max, std::chrono::milliseconds wait, std::chrono::milliseconds gather);

  // Frees the messages. If done, their offsets wait for a commit; if not, they are read again: the next `gather` first
  // seeks back.
  void release(bool is_done);

  // Ranges that are processed and, as far as known, not committed.
  const std::vector<Range>& done() const { return done_; }

  // Returns when the broker answers or the timeout ends. Blocks; any thread, also during a `gather`.
  Commit commit(const std::vector<Range>& done, int timeout_ms) const;

  // Of all partitions of this member. Waits for librdkafka's own thread, which on a busy machine takes tens of milliseconds. Blocks;
  // any thread, also during a `gather`.
  std::vector<Progress> progress() const;

  // Removes ranges that are committed or need no commit any more.
  void forget(const std::vector<Range>& settled);

  // The next `gather` seeks to the beginning of the assigned partitions of these topics. Not during a `gather`.
  void restart(const std::vector<std::string>& topics);

  // Makes a `gather` in flight return with its messages so far, and later ones at once.
  void interrupt();

  // Releases everything that belongs to the connection, which its owner destroys next.
  void close();
  bool closed() const { return closed_; }

 private:
  rd_kafka_t* kafka_;
  rd_kafka_queue_t* queue_;
  std::vector<std::string> types_;
  std::vector<Range> rewind_;       // released but not processed
  std::vector<Range> done_;         // the last of each partition
  std::optional<Failure> pending_;  // an error after messages
  bool closed_ = false;

  bool handles(rd_kafka_message_t* message) const;
  std::optional<Failure> seek_back();
  std::optional<Failure> failure_in(const rd_kafka_message_t* message);
};
