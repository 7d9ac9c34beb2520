// One request of an admin client from JavaScript: (handle, texts, timeoutMs), answered by { code, message, rows: string[][] }. A failure leaves
// rows empty. Used by topic-admin.cc, acl-admin.cc and group-admin.cc.
#pragma once

#include <node_api.h>
#include <rdkafka.h>

#include <cstdint>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "event-loop.h"
#include "napi-values.h"

namespace admin {

inline constexpr int ANSWER_GRACE_MS = 1'000;

struct Answer {
  std::string code = rd_kafka_err2name(RD_KAFKA_RESP_ERR_NO_ERROR);
  std::string message;
  std::vector<std::vector<std::string>> rows;

  void fail(rd_kafka_resp_err_t error, const char* text) {
    code = rd_kafka_err2name(error);
    message = text != nullptr ? text : rd_kafka_err2str(error);
    rows.clear();
  }
};

// One request and the wait for its event.
class Request {
 public:
  Request(rd_kafka_t* kafka, rd_kafka_admin_op_t operation, int timeout_ms)
      : kafka(kafka),
        options(rd_kafka_AdminOptions_new(kafka, operation)),
        queue(rd_kafka_queue_new(kafka)),
        timeout_ms_(timeout_ms) {
    rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, nullptr, 0);
  }
  ~Request() {
    if (event_ != nullptr) rd_kafka_event_destroy(event_);
    rd_kafka_queue_destroy(queue);
    rd_kafka_AdminOptions_destroy(options);
  }
  Request(const Request&) = delete;

  // Null on failure; then `answer` has the reason.
  rd_kafka_event_t* wait(Answer& answer) {
    event_ = rd_kafka_queue_poll(queue, timeout_ms_ + ANSWER_GRACE_MS);
    if (event_ == nullptr) {
      answer.fail(RD_KAFKA_RESP_ERR__TIMED_OUT, nullptr);
      return nullptr;
    }
    if (rd_kafka_event_error(event_) == RD_KAFKA_RESP_ERR_NO_ERROR) return event_;
    answer.fail(rd_kafka_event_error(event_), rd_kafka_event_error_string(event_));
    return nullptr;
  }

  rd_kafka_t* const kafka;
  rd_kafka_AdminOptions_t* const options;
  rd_kafka_queue_t* const queue;

 private:
  const int timeout_ms_;
  rd_kafka_event_t* event_ = nullptr;
};

inline napi_value to_js(napi_env env, const Answer& answer) {
  napi_value rows = values::array(env, answer.rows.size());
  for (uint32_t i = 0; i < answer.rows.size(); i++) {
    napi_value row = values::array(env, answer.rows[i].size());
    for (uint32_t j = 0; j < answer.rows[i].size(); j++)
      napi_set_element(env, row, j, values::text(env, answer.rows[i][j]));
    napi_set_element(env, rows, i, row);
  }
  napi_value result = values::object(env);
  values::set(env, result, "code", values::text(env, answer.code));
  values::set(env, result, "message", values::text(env, answer.message));
  values::set(env, result, "rows", rows);
  return result;
}

using Ask = Answer (*)(rd_kafka_t*, const std::vector<std::string>&, int);

// (handle, texts, timeoutMs): promise of the answer. The client of the handle must stay open until it arrives.
template <Ask ask>
napi_value call(napi_env env, napi_callback_info info) {
  napi_value arguments[3];
  size_t count = std::size(arguments);
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  auto address = static_cast<uintptr_t>(values::to_number(env, arguments[0]));
  auto* kafka = reinterpret_cast<rd_kafka_t*>(address);
  auto texts = values::to_strings(env, arguments[1]);
  int timeout_ms = static_cast<int>(values::to_number(env, arguments[2]));
  auto answer = std::make_shared<Answer>();
  values::Promise promise(env);
  bridge::run_off_thread([answer, kafka, texts, timeout_ms] { *answer = ask(kafka, texts, timeout_ms); },
                         [env, answer, deferred = promise.deferred] {
                           napi_resolve_deferred(env, deferred, to_js(env, *answer));
                         });
  return promise.value;
}

}  // namespace admin
