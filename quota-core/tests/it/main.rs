//! The book, told commands: scenarios as tables, and random sequences against a naive model.

mod against_naive;
mod given_back;
mod left_open;
mod lowered;
mod minute;
mod naive;
mod periods;
mod replay;
mod rolling;
mod world;
