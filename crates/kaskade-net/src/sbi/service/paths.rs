//! Which operation of a service a request asks for, by paths that were split once.

use std::borrow::Cow;

use hyper::Method;
use kaskade_codec::sbi::path::MAX_SEGMENTS;
use kaskade_flow::refusal::Refusal;

use super::{Operation, Segment, Service};
use crate::sbi::problem::Problem;

/// The paths of a service: of two that fit, the one that says more by name is first.
#[derive(Debug)]
pub(super) struct Paths(Box<[Path]>);

/// A path, and what can be asked for there.
#[derive(Debug)]
struct Path {
    segments: Box<[Segment]>,
    /// With their places among the operations of the service.
    operations: Vec<(usize, &'static Operation)>,
}

/// An operation that was found.
pub(super) struct Found<'p> {
    /// Its place among the operations of the service.
    pub(super) index: usize,
    pub(super) operation: &'static Operation,
    /// The segments of its path.
    pub(super) path: &'p [Segment],
}

impl Paths {
    pub(super) fn of(service: &'static Service) -> Self {
        let mut paths: Vec<Path> = Vec::new();
        for (index, operation) in service.operations.iter().enumerate() {
            let segments: Box<[Segment]> = operation.segments().collect();
            match paths.iter_mut().find(|path| path.segments == segments) {
                Some(path) => path.operations.push((index, operation)),
                None => paths.push(Path {
                    segments,
                    operations: vec![(index, operation)],
                }),
            }
        }
        paths.sort_by_key(|path| std::cmp::Reverse(path.names()));
        Self(paths.into())
    }

    /// The operation at a path, decoded, by its method.
    ///
    /// # Errors
    /// 404, or 405 with what there is.
    pub(super) fn find(&self, given: &[Cow<'_, str>], method: &Method) -> Result<Found<'_>, Problem> {
        let path = self.0.iter().find(|path| path.fits(given));
        let path = path.ok_or(Refusal::ResourceNotFound)?;
        let known = path
            .operations
            .iter()
            .find(|(_, operation)| operation.method == *method);
        let &(index, operation) = known.ok_or_else(|| Problem::method_not_allowed(path.allow()))?;
        Ok(Found {
            index,
            operation,
            path: &path.segments,
        })
    }
}

impl Path {
    fn fits(&self, given: &[Cow<'_, str>]) -> bool {
        let fits = |(wanted, given): (&Segment, &Cow<'_, str>)| match wanted {
            Segment::Name(wanted) => wanted == given,
            Segment::Variable(_) => true,
        };
        self.segments.len() == given.len() && self.segments.iter().zip(given).all(fits)
    }

    /// Where it has names.
    fn names(&self) -> [bool; MAX_SEGMENTS] {
        let mut names = [false; MAX_SEGMENTS];
        for (is_name, segment) in names.iter_mut().zip(&self.segments) {
            *is_name = matches!(segment, Segment::Name(_));
        }
        names
    }

    fn allow(&self) -> String {
        let methods = self.operations.iter().map(|(_, operation)| operation.method.as_str());
        methods.collect::<Vec<_>>().join(", ")
    }
}
