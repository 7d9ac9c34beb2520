// libuv's read-write lock and thread, on pthreads.
//
// Why: Bun exports uv_rwlock_* and uv_thread_* as stubs that abort, and the package guards each connection with such a
// lock. (Bun does implement uv_mutex_*.) Delete this file when Bun implements them.

#include <pthread.h>
#include <uv.h>

#include <memory>

extern "C" {

int uv_rwlock_init(uv_rwlock_t* lock) { return -pthread_rwlock_init(lock, nullptr); }
void uv_rwlock_destroy(uv_rwlock_t* lock) { pthread_rwlock_destroy(lock); }
void uv_rwlock_rdlock(uv_rwlock_t* lock) { pthread_rwlock_rdlock(lock); }
int uv_rwlock_tryrdlock(uv_rwlock_t* lock) { return -pthread_rwlock_tryrdlock(lock); }
void uv_rwlock_rdunlock(uv_rwlock_t* lock) { pthread_rwlock_unlock(lock); }
void uv_rwlock_wrlock(uv_rwlock_t* lock) { pthread_rwlock_wrlock(lock); }
int uv_rwlock_trywrlock(uv_rwlock_t* lock) { return -pthread_rwlock_trywrlock(lock); }
void uv_rwlock_wrunlock(uv_rwlock_t* lock) { pthread_rwlock_unlock(lock); }

// Only the package's own consume loop starts a thread. Implemented so that no path of the package reaches an aborting
// stub.
struct ThreadStart {
  uv_thread_cb entry;
  void* argument;
};

static void* run_thread(void* data) {
  std::unique_ptr<ThreadStart> start(static_cast<ThreadStart*>(data));
  start->entry(start->argument);
  return nullptr;
}

int uv_thread_create(uv_thread_t* thread, uv_thread_cb entry, void* argument) {
  auto start = std::make_unique<ThreadStart>(ThreadStart{entry, argument});
  int failed = pthread_create(thread, nullptr, run_thread, start.get());
  if (failed == 0) start.release();
  return -failed;
}

int uv_thread_join(uv_thread_t* thread) { return -pthread_join(*thread, nullptr); }

}  // extern "C"
