// Who the members of consumer groups are, and which partitions each has.
//
// Why: the package's admin client can describe groups, but an admin client is not used for groups here (coordinator.ts says why). This call
// takes the handle of any client, so that of a consumer which has a connection anyway. Delete it when the package's consumer has
// describeGroups.

#include "group-admin.h"

#include <rdkafka.h>

#include <iterator>
#include <string>
#include <vector>

#include "admin-request.h"

namespace {

using admin::Answer;
using admin::Request;

std::string text_of(const char* text) { return text == nullptr ? "" : text; }

// False on failure; then `answer` has the reason. A request may succeed as a whole while one group fails.
bool passed(const rd_kafka_error_t* error, Answer& answer) {
  if (error == nullptr || rd_kafka_error_code(error) == RD_KAFKA_RESP_ERR_NO_ERROR) return true;
  answer.fail(rd_kafka_error_code(error), rd_kafka_error_string(error));
  return false;
}

// A row for each partition of each member; one with an empty topic for a member without any, and one with an empty member for a
// group without any: group, state, member, client, instance, host, topic, partition.
void add_rows(const rd_kafka_ConsumerGroupDescription_t* group, Answer& answer) {
  const std::string name = text_of(rd_kafka_ConsumerGroupDescription_group_id(group));
  const std::string state =
      text_of(rd_kafka_consumer_group_state_name(rd_kafka_ConsumerGroupDescription_state(group)));
  const size_t count = rd_kafka_ConsumerGroupDescription_member_count(group);
  if (count == 0) answer.rows.push_back({name, state, "", "", "", "", "", ""});
  for (size_t i = 0; i < count; i++) {
    const rd_kafka_MemberDescription_t* member = rd_kafka_ConsumerGroupDescription_member(group, i);
    const std::vector<std::string> begin = {name,
                                            state,
                                            text_of(rd_kafka_MemberDescription_consumer_id(member)),
                                            text_of(rd_kafka_MemberDescription_client_id(member)),
                                            text_of(rd_kafka_MemberDescription_group_instance_id(member)),
                                            text_of(rd_kafka_MemberDescription_host(member))};
    const rd_kafka_MemberAssignment_t* assignment = rd_kafka_MemberDescription_assignment(member);
    const rd_kafka_topic_partition_list_t* places =
        assignment == nullptr ? nullptr : rd_kafka_MemberAssignment_partitions(assignment);
    const int place_count = places == nullptr ? 0 : places->cnt;
    const auto row = [&](const std::string& topic, const std::string& partition) {
      std::vector<std::string> cells = begin;
      cells.push_back(topic);
      cells.push_back(partition);
      answer.rows.push_back(cells);
    };
    if (place_count == 0) row("", "");
    for (int j = 0; j < place_count; j++)
      row(text_of(places->elems[j].topic), std::to_string(places->elems[j].partition));
  }
}

Answer describe_groups(rd_kafka_t* kafka, const std::vector<std::string>& groups, int timeout_ms) {
  Answer answer;
  std::vector<const char*> names;
  for (const std::string& group : groups) names.push_back(group.c_str());
  Request request(kafka, RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS, timeout_ms);
  rd_kafka_DescribeConsumerGroups(kafka, names.data(), names.size(), request.options, request.queue);
  rd_kafka_event_t* event = request.wait(answer);
  if (event == nullptr) return answer;
  size_t count = 0;
  const rd_kafka_ConsumerGroupDescription_t** found = rd_kafka_DescribeConsumerGroups_result_groups(
      rd_kafka_event_DescribeConsumerGroups_result(event), &count);
  for (size_t i = 0; i < count; i++) {
    if (!passed(rd_kafka_ConsumerGroupDescription_error(found[i]), answer)) return answer;
    add_rows(found[i], answer);
  }
  return answer;
}

}  // namespace

void define_group_admin(napi_env env, napi_value exports) {
  const napi_property_descriptor functions[] = {
      {"describeGroups", nullptr, admin::call<describe_groups>, nullptr, nullptr, nullptr, napi_default_method, nullptr},
  };
  napi_define_properties(env, exports, std::size(functions), functions);
}
