//! What holds for every call.

mod bad_input;
mod edge;
mod openapi;
mod roles;
