//! Calls that settle a promise.

use datasus::Result;
use napi::Env;
use napi::bindgen_prelude::{Object, ToNapiValue};

use crate::error::{fenced, thrown};
use crate::threads;

type Resolver<T> = Box<dyn FnOnce(Env) -> napi::Result<T> + Send>;

/// A promise of what `work` gives, on a thread of ours. An environment that has ended meanwhile hears nothing of it.
pub fn promised<T>(env: &Env, work: impl FnOnce() -> Result<T> + Send + 'static) -> napi::Result<Object<'_>>
where
    T: ToNapiValue + Send + 'static,
{
    let (deferred, promise) = env.create_deferred::<T, Resolver<T>>()?;
    threads::run(move |not_started| {
        let done = match not_started {
            None => fenced(work),
            Some(error) => Err(error),
        };
        match done {
            Ok(value) => deferred.resolve(Box::new(move |_| Ok(value))),
            Err(error) => deferred.reject(thrown(error)),
        }
    });
    Ok(promise)
}
