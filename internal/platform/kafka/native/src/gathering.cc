#include "gathering.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "utf8.h"

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// After this many messages of other roles a batch ends without one of ours, so that their offsets get committed.
constexpr uint32_t MAX_SKIPPED = 20'000;
constexpr int SEEK_TIMEOUT_MS = 10'000;

std::string_view value_of(const rd_kafka_message_t* message) {
  return {static_cast<const char*>(message->payload), message->len};
}

struct PartitionList {
  rd_kafka_topic_partition_list_t* list;

  explicit PartitionList(size_t size) : list(rd_kafka_topic_partition_list_new(static_cast<int>(size))) {}
  ~PartitionList() { rd_kafka_topic_partition_list_destroy(list); }
  PartitionList(const PartitionList&) = delete;

  rd_kafka_topic_partition_t* add(const Range& range, int64_t offset) {
    auto* entry = rd_kafka_topic_partition_list_add(list, range.name.c_str(), range.partition);
    entry->offset = offset;
    return entry;
  }
};

// A commit may succeed as a whole while one partition fails. If it fails as a whole, partitions without their own error are
// not committed either.
void take_outcome(rd_kafka_event_t* event, const std::vector<Range>& done, Commit& commit) {
  rd_kafka_resp_err_t whole = rd_kafka_event_error(event);
  commit.failure.code = whole;
  const rd_kafka_topic_partition_list_t* partitions = rd_kafka_event_topic_partition_list(event);
  for (const Range& range : done) {
    const rd_kafka_topic_partition_t* entry =
        partitions == nullptr
            ? nullptr
            : rd_kafka_topic_partition_list_find(const_cast<rd_kafka_topic_partition_list_t*>(partitions),
                                                 range.name.c_str(), range.partition);
    if (entry == nullptr) continue;
    rd_kafka_resp_err_t code = entry->err == RD_KAFKA_RESP_ERR_NO_ERROR ? whole : entry->err;
    // For a deleted topic no offset may be committed, least of all into a new topic of the same name.
    bool is_settled = code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    if (is_settled)
      commit.settled.push_back(range);
    else
      commit.failure.code = code;
  }
}

}  // namespace

Range& ConsumedBatch::range_of(const rd_kafka_message_t* message) {
  // Messages arrive in runs of one partition, and the latest run is usually at the back.
  for (auto range = ranges.rbegin(); range != ranges.rend(); ++range)
    if (range->topic == message->rkt && range->partition == message->partition) return *range;
  ranges.push_back({message->rkt, rd_kafka_topic_name(message->rkt), message->partition, message->offset, 0, -1});
  return ranges.back();
}

void ConsumedBatch::add(rd_kafka_message_t* message, bool is_wanted) {
  Range& range = range_of(message);
  // A rebalance during the batch may set the partition back.
  range.first = std::min(range.first, message->offset);
  range.next = message->offset + 1;
  range.leader_epoch = rd_kafka_message_leader_epoch(message);
  if (!is_wanted) {
    skipped++;
    rd_kafka_message_destroy(message);
  } else if (message->payload != nullptr && is_utf8(value_of(message))) {
    decodable.push_back(message);
  } else {
    undecodable.push_back(message);
  }
}

std::string ConsumedBatch::joined(uint64_t nonce) const {
  std::string separator = "," + std::to_string(nonce) + ",";
  size_t size = 2;
  for (auto* message : decodable) size += message->len + separator.size();
  std::string text;
  text.reserve(size);
  text += '[';
  for (auto* message : decodable) {
    if (text.size() > 1) text += separator;
    text += value_of(message);
  }
  text += ']';
  return text;
}

GatheringConsumer::GatheringConsumer(rd_kafka_t* kafka, std::vector<std::string> types)
    : kafka_(kafka), queue_(rd_kafka_queue_get_consumer(kafka)), types_(std::move(types)) {}

// A message without a type is kept: no other role would handle it either.
bool GatheringConsumer::handles(rd_kafka_message_t* message) const {
  if (types_.empty()) return true;
  rd_kafka_headers_t* headers;
  const void* value;
  size_t length;
  if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return true;
  if (rd_kafka_header_get_last(headers, "type", &value, &length) != RD_KAFKA_RESP_ERR_NO_ERROR) return true;
  std::string_view type(static_cast<const char*>(value), length);
  return std::find(types_.begin(), types_.end(), type) != types_.end();
}

std::optional<Failure> GatheringConsumer::gather(size_t max, milliseconds wait, milliseconds gather) {
  if (pending_) return std::exchange(pending_, std::nullopt);
  if (auto failure = seek_back()) return failure;
  auto deadline = Clock::now() + wait;
  while (batch.wanted() < max && batch.skipped < MAX_SKIPPED && !closing) {
    auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now()).count();
    rd_kafka_message_t* message = rd_kafka_consumer_poll(kafka_, left > 0 ? static_cast<int>(left) : 0);
    if (message == nullptr) break;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      bool was_empty = batch.wanted() == 0;
      batch.add(message, handles(message));
      if (was_empty && batch.wanted() > 0) deadline = Clock::now() + gather;
      continue;
    }
    auto failure = failure_in(message);
    rd_kafka_message_destroy(message);
    if (failure && batch.ranges.empty()) return failure;
    pending_ = failure;
    if (failure || !batch.ends.empty()) break;
  }
  return std::nullopt;
}

// The error in a message of the consumer queue, if the caller must know it.
std::optional<Failure> GatheringConsumer::failure_in(const rd_kafka_message_t* message) {
  switch (message->err) {
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
      batch.ends.push_back({rd_kafka_topic_name(message->rkt), message->partition, message->offset});
      return std::nullopt;
    // This process was busy for longer than the group allows and was removed; the next poll rejoins.
    case RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED:
      return std::nullopt;
    default:
      return Failure{message->err, rd_kafka_message_errstr(message)};
  }
}

// A partition that now belongs to another member fails by itself. That member starts at the committed offset.
std::optional<Failure> GatheringConsumer::seek_back() {
  if (rewind_.empty()) return std::nullopt;
  PartitionList partitions(rewind_.size());
  for (const Range& range : rewind_) partitions.add(range, range.first);
  rd_kafka_error_t* error = rd_kafka_seek_partitions(kafka_, partitions.list, SEEK_TIMEOUT_MS);
  if (error != nullptr) {
    Failure failure{rd_kafka_error_code(error), rd_kafka_error_string(error)};
    rd_kafka_error_destroy(error);
    return failure;
  }
  rewind_.clear();
  return std::nullopt;
}

void GatheringConsumer::restart(const std::vector<std::string>& topics) {
  auto is_restarted = [&](const std::string& topic) { return std::find(topics.begin(), topics.end(), topic) != topics.end(); };
  // Drop waiting positions of the old topics.
  auto is_old = [&](const Range& range) { return is_restarted(range.name); };
  std::erase_if(rewind_, is_old);
  std::erase_if(done_, is_old);
  rd_kafka_topic_partition_list_t* assigned = nullptr;
  if (rd_kafka_assignment(kafka_, &assigned) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  for (int i = 0; i < assigned->cnt; i++) {
    const auto& partition = assigned->elems[i];
    if (!is_restarted(partition.topic)) continue;
    Range beginning{nullptr, partition.topic, partition.partition, RD_KAFKA_OFFSET_BEGINNING, 0, -1};
    rewind_.push_back(beginning);
    // The broker drops the offsets of a deleted topic, but a commit in flight may have restored one. A restarted consumer
    // would then begin in the middle of the new topic.
    done_.push_back(beginning);
  }
  rd_kafka_topic_partition_list_destroy(assigned);
}

// Uses its own queue, because librdkafka's blocking commit waits as long as the coordinator is down. A commit that succeeds
// after the timeout is harmless: its messages are processed. The broker accepts offsets of any partition from any member of
// the generation, so partitions that now belong to another member are left out here.
Commit GatheringConsumer::commit(const std::vector<Range>& done, int timeout_ms) const {
  Commit commit;
  rd_kafka_topic_partition_list_t* assigned = nullptr;
  commit.failure.code = rd_kafka_assignment(kafka_, &assigned);
  if (commit.failure.code != RD_KAFKA_RESP_ERR_NO_ERROR) return commit;
  PartitionList partitions(done.size());
  for (const Range& range : done) {
    if (rd_kafka_topic_partition_list_find(assigned, range.name.c_str(), range.partition) == nullptr)
      commit.settled.push_back(range);
    else
      rd_kafka_topic_partition_set_leader_epoch(partitions.add(range, range.next), range.leader_epoch);
  }
  rd_kafka_topic_partition_list_destroy(assigned);
  if (partitions.list->cnt == 0) return commit;
  rd_kafka_queue_t* answers = rd_kafka_queue_new(kafka_);
  commit.failure.code = rd_kafka_commit_queue(kafka_, partitions.list, answers, nullptr, nullptr);
  if (commit.failure.code == RD_KAFKA_RESP_ERR_NO_ERROR) {
    rd_kafka_event_t* answer = rd_kafka_queue_poll(answers, timeout_ms);
    if (answer == nullptr)
      commit.failure.code = RD_KAFKA_RESP_ERR__TIMED_OUT;
    else
      take_outcome(answer, done, commit);
    rd_kafka_event_destroy(answer);
  }
  rd_kafka_queue_destroy(answers);
  commit.failure.message = rd_kafka_err2str(commit.failure.code);
  return commit;
}

std::vector<Progress> GatheringConsumer::progress() const {
  std::vector<Progress> found;
  rd_kafka_topic_partition_list_t* assigned = nullptr;
  if (rd_kafka_assignment(kafka_, &assigned) != RD_KAFKA_RESP_ERR_NO_ERROR) return found;
  rd_kafka_position(kafka_, assigned);
  for (int i = 0; i < assigned->cnt; i++) {
    const auto& one = assigned->elems[i];
    Progress progress{one.topic, one.partition, one.offset, -1, -1};
    rd_kafka_get_watermark_offsets(kafka_, one.topic, one.partition, &progress.low, &progress.high);
    found.push_back(std::move(progress));
  }
  rd_kafka_topic_partition_list_destroy(assigned);
  return found;
}

void GatheringConsumer::forget(const std::vector<Range>& settled) {
  for (const Range& range : settled)
    std::erase_if(done_, [&](const Range& other) { return other.same_partition(range) && other.next == range.next; });
}

void GatheringConsumer::release(bool is_done) {
  for (auto* message : batch.decodable) rd_kafka_message_destroy(message);
  for (auto* message : batch.undecodable) rd_kafka_message_destroy(message);
  if (is_done) {
    for (const Range& range : batch.ranges) {
      std::erase_if(done_, [&](const Range& earlier) { return earlier.same_partition(range); });
      done_.push_back(range);
    }
  } else {
    rewind_ = std::move(batch.ranges);
  }
  batch = {};
}

void GatheringConsumer::interrupt() {
  closing = true;
  rd_kafka_queue_yield(queue_);
}

void GatheringConsumer::close() {
  if (std::exchange(closed_, true)) return;
  release(false);
  rd_kafka_queue_destroy(queue_);
}
