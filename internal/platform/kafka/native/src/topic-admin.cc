// Topic requests that the package's admin client lacks: read settings, change settings, read ids.
//
// Why: `topics create` must detect wrong settings of an existing topic, and a consumer must detect that its topic was
// recreated. Delete it when the package has describeConfigs and incrementalAlterConfigs, and topic ids for a consumer.
//
// Each call answers { code, message, rows: [topic, name, value][] }.

#include "topic-admin.h"

#include <rdkafka.h>

#include <iterator>
#include <string>
#include <vector>

#include "admin-request.h"

namespace {

using admin::Answer;
using admin::Request;

struct Resources {
  std::vector<rd_kafka_ConfigResource_t*> list;

  ~Resources() { rd_kafka_ConfigResource_destroy_array(list.data(), list.size()); }

  rd_kafka_ConfigResource_t* of(const std::string& topic) {
    for (auto* resource : list)
      if (topic == rd_kafka_ConfigResource_name(resource)) return resource;
    list.push_back(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.c_str()));
    return list.back();
  }
};

// A request may succeed as a whole while one topic fails.
bool passed(const rd_kafka_ConfigResource_t* resource, Answer& answer) {
  rd_kafka_resp_err_t error = rd_kafka_ConfigResource_error(resource);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) answer.fail(error, rd_kafka_ConfigResource_error_string(resource));
  return error == RD_KAFKA_RESP_ERR_NO_ERROR;
}

Answer describe_configs(rd_kafka_t* kafka, const std::vector<std::string>& topics, int timeout_ms) {
  Answer answer;
  Resources asked;
  for (const std::string& topic : topics) asked.of(topic);
  Request request(kafka, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, timeout_ms);
  rd_kafka_DescribeConfigs(kafka, asked.list.data(), asked.list.size(), request.options, request.queue);
  rd_kafka_event_t* event = request.wait(answer);
  if (event == nullptr) return answer;
  size_t count = 0;
  auto** resources =
      rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event), &count);
  for (size_t i = 0; i < count; i++) {
    if (!passed(resources[i], answer)) return answer;
    size_t entry_count = 0;
    auto** entries = rd_kafka_ConfigResource_configs(resources[i], &entry_count);
    for (size_t j = 0; j < entry_count; j++) {
      const char* value = rd_kafka_ConfigEntry_value(entries[j]);
      if (value == nullptr) continue;
      answer.rows.push_back(
          {rd_kafka_ConfigResource_name(resources[i]), rd_kafka_ConfigEntry_name(entries[j]), value});
    }
  }
  return answer;
}

// `changes`: topic, name, value, topic, name, value, ..
Answer alter_configs(rd_kafka_t* kafka, const std::vector<std::string>& changes, int timeout_ms) {
  Answer answer;
  Resources changed;
  for (size_t i = 0; i + 2 < changes.size(); i += 3) {
    rd_kafka_error_t* error = rd_kafka_ConfigResource_add_incremental_config(
        changed.of(changes[i]), changes[i + 1].c_str(), RD_KAFKA_ALTER_CONFIG_OP_TYPE_SET, changes[i + 2].c_str());
    if (error == nullptr) continue;
    answer.fail(rd_kafka_error_code(error), rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
    return answer;
  }
  Request request(kafka, RD_KAFKA_ADMIN_OP_INCREMENTALALTERCONFIGS, timeout_ms);
  rd_kafka_IncrementalAlterConfigs(kafka, changed.list.data(), changed.list.size(), request.options, request.queue);
  rd_kafka_event_t* event = request.wait(answer);
  if (event == nullptr) return answer;
  size_t count = 0;
  auto** resources = rd_kafka_IncrementalAlterConfigs_result_resources(
      rd_kafka_event_IncrementalAlterConfigs_result(event), &count);
  for (size_t i = 0; i < count && passed(resources[i], answer); i++) continue;
  return answer;
}

// A missing topic has no row.
Answer topic_ids(rd_kafka_t* kafka, const std::vector<std::string>& topics, int timeout_ms) {
  Answer answer;
  std::vector<const char*> names;
  for (const std::string& topic : topics) names.push_back(topic.c_str());
  Request request(kafka, RD_KAFKA_ADMIN_OP_DESCRIBETOPICS, timeout_ms);
  rd_kafka_TopicCollection_t* asked = rd_kafka_TopicCollection_of_topic_names(names.data(), names.size());
  rd_kafka_DescribeTopics(kafka, asked, request.options, request.queue);
  rd_kafka_event_t* event = request.wait(answer);
  rd_kafka_TopicCollection_destroy(asked);
  if (event == nullptr) return answer;
  size_t count = 0;
  auto** found = rd_kafka_DescribeTopics_result_topics(rd_kafka_event_DescribeTopics_result(event), &count);
  for (size_t i = 0; i < count; i++) {
    const rd_kafka_error_t* error = rd_kafka_TopicDescription_error(found[i]);
    if (rd_kafka_error_code(error) == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) continue;
    if (rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR_NO_ERROR) {
      answer.fail(rd_kafka_error_code(error), rd_kafka_error_string(error));
      return answer;
    }
    const rd_kafka_Uuid_t* id = rd_kafka_TopicDescription_topic_id(found[i]);
    answer.rows.push_back({rd_kafka_TopicDescription_name(found[i]), "id", rd_kafka_Uuid_base64str(id)});
  }
  return answer;
}

}  // namespace

void define_topic_admin(napi_env env, napi_value exports) {
  const napi_property_descriptor functions[] = {
      {"topicConfigs", nullptr, admin::call<describe_configs>, nullptr, nullptr, nullptr, napi_default_method, nullptr},
      {"alterTopicConfigs", nullptr, admin::call<alter_configs>, nullptr, nullptr, nullptr, napi_default_method, nullptr},
      {"topicIds", nullptr, admin::call<topic_ids>, nullptr, nullptr, nullptr, napi_default_method, nullptr},
  };
  napi_define_properties(env, exports, std::size(functions), functions);
}
