// Runs tasks from any thread on the JavaScript thread, and keeps its event loop alive in between. Used by the libuv
// functions (event-loop.cc), the persistent handles and the two batch entry points.
#pragma once

#include <node_api.h>

#include <functional>

namespace bridge {

// Called once by the module's registration, on the JavaScript thread.
napi_status attach(napi_env env);

napi_env env();

// Runs `task` on the JavaScript thread, in the order of the calls. Any thread may call it. While the process exits,
// tasks are dropped: no JavaScript runs any more.
void post(std::function<void()> task);

// While held, the process stays alive even if nothing else is scheduled. JavaScript thread only; calls nest.
void hold_event_loop();
void release_event_loop();

// Runs `work` on a pool thread, then `done` on the JavaScript thread, holding the event loop in between.
// JavaScript thread only.
void run_off_thread(std::function<void()> work, std::function<void()> done);

}  // namespace bridge
