// Node's own C++ functions for buffers, which Bun does not export.
//
// Why: the package passes message keys and values as buffers. Our batch entry points do not use these functions, but the
// addon would not load without the symbols. Delete each function when `nm -D` of bun lists it.

#include <node.h>
#include <node_buffer.h>

#include <cstdlib>
#include <cstring>

namespace {

v8::Local<v8::Object> copy_to_buffer(v8::Isolate* isolate, const char* data, size_t length) {
  v8::EscapableHandleScope scope(isolate);
  v8::Local<v8::Context> context = isolate->GetCurrentContext();
  v8::Local<v8::ArrayBuffer> bytes = v8::ArrayBuffer::New(isolate, length);
  if (length > 0) std::memcpy(bytes->GetBackingStore()->Data(), data, length);
  auto name = [isolate](const char* text) { return v8::String::NewFromUtf8(isolate, text).ToLocalChecked(); };
  v8::Local<v8::Value> buffer = context->Global()->Get(context, name("Buffer")).ToLocalChecked();
  v8::Local<v8::Value> from = buffer.As<v8::Object>()->Get(context, name("from")).ToLocalChecked();
  v8::Local<v8::Value> argument = bytes;
  return scope.Escape(
      from.As<v8::Function>()->Call(context, buffer, 1, &argument).ToLocalChecked().As<v8::Object>());
}

}  // namespace

namespace node {
namespace Buffer {

bool HasInstance(v8::Local<v8::Value> value) { return value->IsUint8Array(); }

char* Data(v8::Local<v8::Value> value) {
  v8::Local<v8::ArrayBufferView> view = value.As<v8::ArrayBufferView>();
  return static_cast<char*>(view->Buffer()->GetBackingStore()->Data()) + view->ByteOffset();
}

size_t Length(v8::Local<v8::Value> value) { return value.As<v8::ArrayBufferView>()->ByteLength(); }

char* Data(v8::Local<v8::Object> value) { return Data(value.As<v8::Value>()); }

size_t Length(v8::Local<v8::Object> value) { return Length(value.As<v8::Value>()); }

// Node takes ownership of `data`; copying and freeing at once has the same effect.
v8::MaybeLocal<v8::Object> New(v8::Isolate* isolate, char* data, size_t length) {
  v8::Local<v8::Object> buffer = copy_to_buffer(isolate, data, length);
  std::free(data);
  return buffer;
}

}  // namespace Buffer

// The package asks for one encoding only: BUFFER.
v8::MaybeLocal<v8::Value> TryEncode(v8::Isolate* isolate, const char* data, size_t length, enum encoding) {
  return copy_to_buffer(isolate, data, length).As<v8::Value>();
}

}  // namespace node
