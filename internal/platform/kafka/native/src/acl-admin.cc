// The brokers' access lists: read, add, remove.
//
// Why: the package's admin client has no calls for them. Delete it when it has describeAcls, createAcls and deleteAcls.
//
// An access rule is seven texts: resource type, name, pattern, principal, host, operation, permission, each by the name that
// librdkafka gives it (`TOPIC`, `LITERAL`, `READ`, `ALLOW`); the cluster is `BROKER` there.

#include "acl-admin.h"

#include <rdkafka.h>

#include <array>
#include <cstddef>
#include <iterator>
#include <string>
#include <vector>

#include "admin-request.h"

namespace {

using admin::Answer;
using admin::Request;

constexpr size_t FIELDS = 7;
// librdkafka rejects the whole answer when a rule is about a kind of resource that it does not know, so each known kind is
// asked for by itself.
constexpr std::array KINDS = {RD_KAFKA_RESOURCE_TOPIC, RD_KAFKA_RESOURCE_GROUP, RD_KAFKA_RESOURCE_BROKER};

// A binding and a filter are one type in librdkafka.
struct Rules {
  std::vector<rd_kafka_AclBinding_t*> list;

  ~Rules() { rd_kafka_AclBinding_destroy_array(list.data(), list.size()); }
};

// The value of an enumeration by its name; UNKNOWN (0) for a name that it does not have.
template <typename Value>
Value named(const std::string& name, const char* (*name_of)(Value), int count) {
  for (int i = 0; i < count; i++)
    if (name == name_of(static_cast<Value>(i))) return static_cast<Value>(i);
  return static_cast<Value>(0);
}

// False on failure; then `answer` has the reason.
bool parse(const std::vector<std::string>& texts, Rules& rules, Answer& answer) {
  for (size_t i = 0; i + FIELDS <= texts.size(); i += FIELDS) {
    char reason[256];
    rd_kafka_AclBinding_t* rule = rd_kafka_AclBinding_new(
        named(texts[i], rd_kafka_ResourceType_name, RD_KAFKA_RESOURCE__CNT), texts[i + 1].c_str(),
        named(texts[i + 2], rd_kafka_ResourcePatternType_name, RD_KAFKA_RESOURCE_PATTERN_TYPE__CNT),
        texts[i + 3].c_str(), texts[i + 4].c_str(),
        named(texts[i + 5], rd_kafka_AclOperation_name, RD_KAFKA_ACL_OPERATION__CNT),
        named(texts[i + 6], rd_kafka_AclPermissionType_name, RD_KAFKA_ACL_PERMISSION_TYPE__CNT), reason,
        sizeof(reason));
    if (rule == nullptr) {
      answer.fail(RD_KAFKA_RESP_ERR__INVALID_ARG, reason);
      return false;
    }
    rules.list.push_back(rule);
  }
  return true;
}

// False on failure; then `answer` has the reason. A request may succeed as a whole while one rule fails.
bool passed(const rd_kafka_error_t* error, Answer& answer) {
  if (error == nullptr || rd_kafka_error_code(error) == RD_KAFKA_RESP_ERR_NO_ERROR) return true;
  answer.fail(rd_kafka_error_code(error), rd_kafka_error_string(error));
  return false;
}

bool describe_kind(rd_kafka_t* kafka, rd_kafka_ResourceType_t kind, int timeout_ms, Answer& answer) {
  char reason[256];
  rd_kafka_AclBindingFilter_t* filter =
      rd_kafka_AclBindingFilter_new(kind, nullptr, RD_KAFKA_RESOURCE_PATTERN_ANY, nullptr, nullptr,
                                    RD_KAFKA_ACL_OPERATION_ANY, RD_KAFKA_ACL_PERMISSION_TYPE_ANY, reason,
                                    sizeof(reason));
  Request request(kafka, RD_KAFKA_ADMIN_OP_DESCRIBEACLS, timeout_ms);
  rd_kafka_DescribeAcls(kafka, filter, request.options, request.queue);
  rd_kafka_event_t* event = request.wait(answer);
  rd_kafka_AclBinding_destroy(filter);
  if (event == nullptr) return false;
  size_t count = 0;
  const rd_kafka_AclBinding_t** rules =
      rd_kafka_DescribeAcls_result_acls(rd_kafka_event_DescribeAcls_result(event), &count);
  for (size_t i = 0; i < count; i++) {
    const rd_kafka_AclBinding_t* rule = rules[i];
    answer.rows.push_back({rd_kafka_ResourceType_name(rd_kafka_AclBinding_restype(rule)),
                           rd_kafka_AclBinding_name(rule),
                           rd_kafka_ResourcePatternType_name(rd_kafka_AclBinding_resource_pattern_type(rule)),
                           rd_kafka_AclBinding_principal(rule), rd_kafka_AclBinding_host(rule),
                           rd_kafka_AclOperation_name(rd_kafka_AclBinding_operation(rule)),
                           rd_kafka_AclPermissionType_name(rd_kafka_AclBinding_permission_type(rule))});
  }
  return true;
}

// No texts. One row for each rule about a topic, a group or the cluster.
Answer describe_acls(rd_kafka_t* kafka, const std::vector<std::string>&, int timeout_ms) {
  Answer answer;
  for (rd_kafka_ResourceType_t kind : KINDS)
    if (!describe_kind(kafka, kind, timeout_ms, answer)) break;
  return answer;
}

// Adding a rule that exists already does nothing.
Answer create_acls(rd_kafka_t* kafka, const std::vector<std::string>& texts, int timeout_ms) {
  Answer answer;
  Rules rules;
  if (!parse(texts, rules, answer)) return answer;
  Request request(kafka, RD_KAFKA_ADMIN_OP_CREATEACLS, timeout_ms);
  rd_kafka_CreateAcls(kafka, rules.list.data(), rules.list.size(), request.options, request.queue);
  rd_kafka_event_t* event = request.wait(answer);
  if (event == nullptr) return answer;
  size_t count = 0;
  const rd_kafka_acl_result_t** results =
      rd_kafka_CreateAcls_result_acls(rd_kafka_event_CreateAcls_result(event), &count);
  for (size_t i = 0; i < count && passed(rd_kafka_acl_result_error(results[i]), answer); i++) continue;
  return answer;
}

// Removes exactly these rules.
Answer delete_acls(rd_kafka_t* kafka, const std::vector<std::string>& texts, int timeout_ms) {
  Answer answer;
  Rules rules;
  if (!parse(texts, rules, answer)) return answer;
  Request request(kafka, RD_KAFKA_ADMIN_OP_DELETEACLS, timeout_ms);
  rd_kafka_DeleteAcls(kafka, rules.list.data(), rules.list.size(), request.options, request.queue);
  rd_kafka_event_t* event = request.wait(answer);
  if (event == nullptr) return answer;
  size_t count = 0;
  const rd_kafka_DeleteAcls_result_response_t** responses =
      rd_kafka_DeleteAcls_result_responses(rd_kafka_event_DeleteAcls_result(event), &count);
  for (size_t i = 0; i < count && passed(rd_kafka_DeleteAcls_result_response_error(responses[i]), answer); i++)
    continue;
  return answer;
}

}  // namespace

void define_acl_admin(napi_env env, napi_value exports) {
  const napi_property_descriptor functions[] = {
      {"describeAcls", nullptr, admin::call<describe_acls>, nullptr, nullptr, nullptr, napi_default_method, nullptr},
      {"createAcls", nullptr, admin::call<create_acls>, nullptr, nullptr, nullptr, napi_default_method, nullptr},
      {"deleteAcls", nullptr, admin::call<delete_acls>, nullptr, nullptr, nullptr, napi_default_method, nullptr},
  };
  napi_define_properties(env, exports, std::size(functions), functions);
}
