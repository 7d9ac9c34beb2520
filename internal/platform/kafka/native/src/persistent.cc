// V8's persistent handles, on Node-API references.
//
// Why: Bun 1.4.5 exports these functions, but its DisposeGlobal frees nothing, so each persistent handle keeps its object
// and everything it references forever: 2.3 KB for each asynchronous call of the package. Delete this file when a loop of
// a million `new Nan::Callback` / `delete` no longer grows Bun's memory.
//
// It depends on Bun's memory layout of a V8 value (bun/src/bun.js/bindings/v8/shim/Handle.h): a tagged pointer to two
// words, the V8 map and the JavaScriptCore value. Our handle slot is a copy of those words plus a reference that keeps the
// value alive. These definitions are local to the addon, so Bun's own handles are not affected.

#include <node.h>
#include <node_api.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "event-loop.h"

namespace {

struct BunValue {
  uintptr_t map;
  uintptr_t contents;
};

// V8 returns the address of the first member and reads the tagged pointer through it.
struct PersistentSlot {
  uintptr_t tagged;
  BunValue value;
  napi_ref reference;
};

constexpr uintptr_t TAG_MASK = 3;
constexpr uintptr_t POINTER_TAG = 1;

bool keeps_memory_alive(uintptr_t tagged) {
  const v8::Value* value = reinterpret_cast<const v8::Value*>(&tagged);
  if (value->IsObject() || value->IsFunction()) return true;
  if (value->IsNumber() || value->IsBoolean() || value->IsNullOrUndefined()) return false;
  // A string could be garbage collected under the handle. The package holds none, so abort if one appears.
  std::fputs("kafka addon: a persistent handle to a value that is not an object is not supported\n", stderr);
  std::abort();
}

// Locals made from a persistent handle share its slot, so slots are freed one turn of the event loop later, when no Local
// can exist any more.
std::vector<PersistentSlot*>& disposed() {
  static auto* slots = new std::vector<PersistentSlot*>;
  return *slots;
}

void free_disposed() {
  for (PersistentSlot* slot : disposed()) {
    if (slot->reference != nullptr) napi_delete_reference(bridge::env(), slot->reference);
    delete slot;
  }
  disposed().clear();
}

}  // namespace

namespace v8::api_internal {

internal::Address* GlobalizeReference(internal::Isolate*, internal::Address tagged) {
  auto* slot = new PersistentSlot{tagged, {}, nullptr};
  if ((tagged & TAG_MASK) == POINTER_TAG) {
    slot->value = *reinterpret_cast<BunValue*>(tagged & ~TAG_MASK);
    slot->tagged = reinterpret_cast<uintptr_t>(&slot->value) | POINTER_TAG;
    if (keeps_memory_alive(tagged)) {
      auto object = reinterpret_cast<napi_value>(slot->value.contents);
      if (napi_create_reference(bridge::env(), object, 1, &slot->reference) != napi_ok) std::abort();
    }
  }
  return reinterpret_cast<internal::Address*>(slot);
}

void DisposeGlobal(internal::Address* location) {
  if (location == nullptr) return;
  if (disposed().empty()) bridge::post(free_disposed);
  disposed().push_back(reinterpret_cast<PersistentSlot*>(location));
}

// The package makes the wrappers of its clients weak, so that the garbage collector may destroy an abandoned client, which
// blocks this thread while it disconnects. Our clients are closed explicitly; an abandoned one stays.
void MakeWeak(internal::Address*, void*, WeakCallbackInfo<void>::Callback, WeakCallbackType) {}

void* ClearWeak(internal::Address*) { return nullptr; }

}  // namespace v8::api_internal
