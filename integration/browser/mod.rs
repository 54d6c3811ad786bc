//! The pages in a real browser.

mod driver;
mod frontage;
mod live;
mod log;
mod loss;
mod pages;
mod plain;
mod proxy;
