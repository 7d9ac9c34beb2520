// V8 functions that Bun does not export, implemented with functions that it does.
//
// Why: the package is written for V8; the addon would not load with these symbols undefined. All are rarely called:
// configuration, connecting, admin calls. Delete each function when `nm -D` of bun lists it (the build names every
// symbol that neither Bun nor this folder provides, so trying is safe); delete the file with the last one.

#include <node.h>

#include <cstring>

namespace {

// In V8, `this` is the address of an object's handle slot, and a Local is only that address.
template <class T>
v8::Local<T> local_of(const T* self) {
  v8::Local<T> handle;
  static_assert(sizeof handle == sizeof self);
  std::memcpy(static_cast<void*>(&handle), &self, sizeof self);
  return handle;
}

v8::Local<v8::Value> property(v8::Local<v8::Context> context, v8::Local<v8::Object> holder, const char* name) {
  v8::Isolate* isolate = v8::Isolate::GetCurrent();
  return holder->Get(context, v8::String::NewFromUtf8(isolate, name).ToLocalChecked()).ToLocalChecked();
}

v8::Local<v8::Value> global(v8::Local<v8::Context> context, const char* name) {
  return property(context, context->Global(), name);
}

v8::Local<v8::Value> call(v8::Local<v8::Context> context, v8::Local<v8::Value> function,
                          std::initializer_list<v8::Local<v8::Value>> arguments) {
  return function.As<v8::Function>()
      ->Call(context, context->Global(), static_cast<int>(arguments.size()),
             const_cast<v8::Local<v8::Value>*>(arguments.begin()))
      .ToLocalChecked();
}

v8::Local<v8::Value> call_method(v8::Local<v8::Context> context, const char* holder, const char* method,
                                 std::initializer_list<v8::Local<v8::Value>> arguments) {
  return call(context, property(context, global(context, holder).As<v8::Object>(), method), arguments);
}

}  // namespace

namespace v8 {

MaybeLocal<Object> Value::ToObject(Local<Context> context) const {
  EscapableHandleScope scope(Isolate::GetCurrent());
  Local<Value> self = local_of(this);
  if (IsObject()) return scope.Escape(self.As<Object>());
  return scope.Escape(call(context, global(context, "Object"), {self}).As<Object>());
}

Maybe<int32_t> Value::Int32Value(Local<Context> context) const {
  HandleScope scope(Isolate::GetCurrent());
  return Just(ToInt32(context).ToLocalChecked()->Value());
}

Maybe<int64_t> Value::IntegerValue(Local<Context> context) const {
  HandleScope scope(Isolate::GetCurrent());
  Local<Value> number = call(context, global(context, "Number"), {local_of(this)});
  return Just(static_cast<int64_t>(number.As<Number>()->Value()));
}

bool Value::BooleanValue(Isolate* isolate) const {
  HandleScope scope(isolate);
  Local<Context> context = isolate->GetCurrentContext();
  return call(context, global(context, "Boolean"), {local_of(this)})->IsTrue();
}

bool Value::IsRegExp() const {
  if (!IsObject()) return false;
  Isolate* isolate = Isolate::GetCurrent();
  HandleScope scope(isolate);
  Local<Context> context = isolate->GetCurrentContext();
  Local<Value> prototype = call_method(context, "Object", "getPrototypeOf", {local_of(this)});
  return prototype->StrictEquals(property(context, global(context, "RegExp").As<Object>(), "prototype"));
}

Maybe<bool> Object::Has(Local<Context> context, Local<Value> key) {
  HandleScope scope(Isolate::GetCurrent());
  Local<Value> self = local_of(static_cast<const Value*>(this));
  return Just(call_method(context, "Reflect", "has", {self, key})->IsTrue());
}

MaybeLocal<Array> Object::GetOwnPropertyNames(Local<Context> context) {
  EscapableHandleScope scope(Isolate::GetCurrent());
  Local<Value> self = local_of(static_cast<const Value*>(this));
  return scope.Escape(call_method(context, "Object", "keys", {self}).As<Array>());
}

Local<String> RegExp::GetSource() const {
  Isolate* isolate = Isolate::GetCurrent();
  EscapableHandleScope scope(isolate);
  Local<Object> self = local_of(static_cast<const Object*>(this));
  return scope.Escape(property(isolate->GetCurrentContext(), self, "source").As<String>());
}

}  // namespace v8
