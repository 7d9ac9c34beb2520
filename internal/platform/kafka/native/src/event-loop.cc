// libuv's async handles, work queue and close, on Node-API and threads.
//
// Why: Bun exports these symbols as stubs that abort ("not implemented"), and every asynchronous call of the package
// uses them. Delete this file when Bun implements uv_async_*, uv_queue_work, uv_close and
// uv_default_loop; the batch entry points then need only `post` and `run_off_thread`, which are a page of Node-API.
//
// All objects here that outlive a call are allocated and never freed: librdkafka's threads run until the process ends,
// and a static destructor would destroy a lock or queue that they use.

#include "event-loop.h"

#include <node.h>
#include <uv.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

namespace bridge {
namespace {

using Task = std::function<void()>;

struct Loop {
  napi_env env = nullptr;
  napi_threadsafe_function to_js = nullptr;
  int holds = 0;  // JavaScript thread only
  std::mutex mutex;
  bool exiting = false;  // under `mutex`
};

Loop& loop() {
  static Loop* instance = new Loop;
  return *instance;
}

void run_task(napi_env env, napi_value, void*, void* data) {
  Task* task = static_cast<Task*>(data);
  if (env != nullptr) {
    v8::HandleScope scope(v8::Isolate::GetCurrent());
    (*task)();
  }
  delete task;
}

// Node-API frees the thread-safe function after this hook; a thread of librdkafka calling it later would
// touch freed memory, so from here on `post` drops its tasks.
void on_exit(void*) {
  std::lock_guard<std::mutex> lock(loop().mutex);
  loop().exiting = true;
}

// Threads for blocking calls. A consumer occupies one for as long as its poll waits, so the pool grows with
// the number of calls in flight, up to the limit; past it calls queue. Idle threads are kept and reused.
constexpr int MAX_THREADS = 64;

struct Pool {
  std::mutex mutex;
  std::condition_variable wake;
  std::deque<Task> queue;
  int threads = 0;
  int idle = 0;
};

Pool& pool() {
  static Pool* instance = new Pool;
  return *instance;
}

void work_forever() {
  Pool& p = pool();
  std::unique_lock<std::mutex> lock(p.mutex);
  for (;;) {
    p.idle++;
    p.wake.wait(lock, [&p] { return !p.queue.empty(); });
    p.idle--;
    Task task = std::move(p.queue.front());
    p.queue.pop_front();
    lock.unlock();
    task();
    task = nullptr;
    lock.lock();
  }
}

void enqueue(Task task) {
  Pool& p = pool();
  std::lock_guard<std::mutex> lock(p.mutex);
  p.queue.push_back(std::move(task));
  if (p.idle < static_cast<int>(p.queue.size()) && p.threads < MAX_THREADS) {
    p.threads++;
    std::thread(work_forever).detach();
  }
  p.wake.notify_one();
}

}  // namespace

napi_status attach(napi_env env) {
  Loop& l = loop();
  napi_value name;
  napi_status status = napi_create_string_utf8(env, "kafka", NAPI_AUTO_LENGTH, &name);
  if (status != napi_ok) return status;
  status = napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, nullptr, run_task,
                                           &l.to_js);
  if (status != napi_ok) return status;
  l.env = env;
  napi_add_env_cleanup_hook(env, on_exit, nullptr);
  return napi_unref_threadsafe_function(env, l.to_js);
}

napi_env env() { return loop().env; }

void post(Task task) {
  Loop& l = loop();
  std::lock_guard<std::mutex> lock(l.mutex);
  if (l.exiting) return;
  Task* owned = new Task(std::move(task));
  if (napi_call_threadsafe_function(l.to_js, owned, napi_tsfn_nonblocking) != napi_ok) delete owned;
}

void hold_event_loop() {
  Loop& l = loop();
  if (l.holds++ == 0) napi_ref_threadsafe_function(l.env, l.to_js);
}

void release_event_loop() {
  Loop& l = loop();
  if (--l.holds == 0) napi_unref_threadsafe_function(l.env, l.to_js);
}

void run_off_thread(Task work, Task done) {
  hold_event_loop();
  enqueue([work = std::move(work), done = std::move(done)]() mutable {
    work();
    post([done = std::move(done)] {
      release_event_loop();
      done();
    });
  });
}

}  // namespace bridge

namespace {

// The part of an async handle that may be used after the package has freed the handle: a send that was posted before the
// close runs after it. Reference-counted; the count is atomic because uv_async_send increments it on other threads.
struct AsyncState {
  uv_async_t* handle;
  uv_async_cb callback;
  std::atomic<int> owners{1};
  std::atomic<bool> pending{false};
  bool closed = false;
};

AsyncState*& state_of(uv_async_t* handle) { return reinterpret_cast<AsyncState*&>(handle->u.reserved[0]); }

void let_go(AsyncState* state) {
  if (--state->owners == 0) delete state;
}

}  // namespace

extern "C" {

uv_loop_t* uv_default_loop() {
  static uv_loop_t never_looked_into;
  return &never_looked_into;
}

int uv_async_init(uv_loop_t*, uv_async_t* handle, uv_async_cb callback) {
  handle->type = UV_ASYNC;
  state_of(handle) = new AsyncState{handle, callback};
  bridge::hold_event_loop();
  return 0;
}

int uv_async_send(uv_async_t* handle) {
  AsyncState* state = state_of(handle);
  if (state->pending.exchange(true)) return 0;
  state->owners++;
  bridge::post([state] {
    state->pending = false;
    if (!state->closed && state->callback != nullptr) state->callback(state->handle);
    let_go(state);
  });
  return 0;
}

// The package closes async handles only.
void uv_close(uv_handle_t* handle, uv_close_cb callback) {
  AsyncState* state = state_of(reinterpret_cast<uv_async_t*>(handle));
  state->closed = true;
  bridge::post([handle, callback, state] {
    bridge::release_event_loop();
    if (callback != nullptr) callback(handle);
    let_go(state);
  });
}

int uv_queue_work(uv_loop_t* loop, uv_work_t* request, uv_work_cb work, uv_after_work_cb after) {
  request->loop = loop;
  request->work_cb = work;
  request->after_work_cb = after;
  bridge::run_off_thread([request] { request->work_cb(request); },
                         [request] {
                           if (request->after_work_cb != nullptr) request->after_work_cb(request, 0);
                         });
  return 0;
}

}  // extern "C"
