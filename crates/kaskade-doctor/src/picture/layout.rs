//! Where each key stands in the picture: columns by distance from K, no two boxes in one place.
//!
//! The children of a key stand to its right, one block below the other, so that no edge of the tree crosses another.
//! Children that end there share a frame and stand beside each other in it.

use kaskade_keys::derivation::Row;
use kaskade_keys::tree;

use crate::hierarchy::{self, Place};

/// Height of a box.
pub(super) const HEIGHT: f32 = 44.0;
/// Between columns: room for the curve and the FC on it.
pub(super) const GAP: f32 = 84.0;
/// Between boxes of a frame, and between its border and them.
pub(super) const PAD: f32 = 8.0;
/// Between blocks.
const BETWEEN: f32 = 16.0;

/// One key.
pub(super) struct Box {
    pub(super) key: &'static str,
    pub(super) row: Option<&'static Row>,
    pub(super) x: f32,
    pub(super) y: f32,
    /// In a frame with others: its FC stands in the box.
    pub(super) framed: bool,
}

/// A frame around keys that end there.
pub(super) struct Frame {
    pub(super) parent: &'static str,
    pub(super) x: f32,
    pub(super) y: f32,
    pub(super) width: f32,
    pub(super) height: f32,
}

/// The whole.
pub(super) struct Layout {
    pub(super) boxes: Vec<Box>,
    pub(super) frames: Vec<Frame>,
    /// Derivations besides those that place a key, one per pair of keys; and where a key from elsewhere enters.
    pub(super) others: Vec<(&'static str, &'static Row)>,
    /// Width of a box.
    pub(super) box_width: f32,
    pub(super) width: f32,
    pub(super) height: f32,
}

/// Columns of a line of text of so many characters.
pub(super) fn text_width(text: &str, per_character: f32) -> f32 {
    text.chars().fold(0.0, |width, _| width + per_character)
}

impl Layout {
    /// Of all keys.
    pub(super) fn new(top: f32, left: f32) -> Self {
        let forest = hierarchy::forest();
        let places: Vec<Place> = forest.concat();
        let widest = places.iter().map(|place| text_width(place.key, 9.3));
        let mut layout = Self {
            boxes: Vec::new(),
            frames: Vec::new(),
            others: others(&places),
            box_width: widest.fold(150.0, f32::max) + 26.0,
            width: 0.0,
            height: 0.0,
        };
        let mut y = top;
        for place in forest.iter().filter_map(|tree| tree.first()) {
            y += layout.block(&places, place.key, None, left, y) + BETWEEN;
        }
        layout.height = y - BETWEEN;
        let right_of_boxes = layout.boxes.iter().map(|place| place.x + layout.box_width);
        let right_of_frames = layout.frames.iter().map(|frame| frame.x + frame.width);
        layout.width = right_of_boxes.chain(right_of_frames).fold(0.0, f32::max);
        layout
    }

    pub(super) fn of(&self, key: &str) -> Option<&Box> {
        self.boxes.iter().find(|place| place.key == key)
    }

    /// Places a key and all below it, and gives the height that they take.
    fn block(&mut self, places: &[Place], key: &'static str, row: Option<&'static Row>, x: f32, y: f32) -> f32 {
        let children = |key: &str| -> Vec<Place> {
            let below = places
                .iter()
                .filter(|place| place.row.is_some_and(|row| row.parent == key));
            below.copied().collect()
        };
        let (inner, ends): (Vec<Place>, Vec<Place>) = children(key)
            .into_iter()
            .partition(|child| !children(child.key).is_empty());
        let right = x + self.box_width + GAP;
        let mut height: f32 = 0.0;
        let mut middles: Vec<f32> = Vec::new();
        if let [only] = ends.as_slice() {
            self.boxes.push(Box {
                key: only.key,
                row: only.row,
                x: right,
                y,
                framed: false,
            });
            middles.push(y + HEIGHT / 2.0);
            height = HEIGHT;
        } else if !ends.is_empty() {
            height = self.frame(key, &ends, right, y);
            middles.push(y + height / 2.0);
        }
        for child in inner {
            if height > 0.0 {
                height += BETWEEN;
            }
            let from = y + height;
            height += self.block(places, child.key, child.row, right, from);
            if let Some(place) = self.of(child.key) {
                middles.push(place.y + HEIGHT / 2.0);
            }
        }
        height = height.max(HEIGHT);
        let (first, last) = (middles.first().copied(), middles.last().copied());
        let middle = match (first, last) {
            (Some(first), Some(last)) => f32::midpoint(first, last),
            _ => y + HEIGHT / 2.0,
        };
        self.boxes.push(Box {
            key,
            row,
            x,
            y: (middle - HEIGHT / 2.0).round(),
            framed: false,
        });
        height
    }

    fn frame(&mut self, parent: &'static str, ends: &[Place], x: f32, y: f32) -> f32 {
        let across = if ends.len() > 4 { 3 } else { 2 };
        let (mut width, mut height): (f32, f32) = (0.0, 0.0);
        let mut box_y = y + PAD;
        for line in ends.chunks(across) {
            let mut box_x = x + PAD;
            for end in line {
                self.boxes.push(Box {
                    key: end.key,
                    row: end.row,
                    x: box_x,
                    y: box_y,
                    framed: true,
                });
                box_x += self.box_width + PAD;
            }
            width = width.max(box_x - x);
            box_y += HEIGHT + PAD;
            height = box_y - y;
        }
        self.frames.push(Frame {
            parent,
            x,
            y,
            width,
            height,
        });
        height
    }
}

fn others(places: &[Place]) -> Vec<(&'static str, &'static Row)> {
    let is_home = |row: &Row| {
        let mut homes = places.iter().filter_map(|place| place.row);
        homes.any(|home| home.parent == row.parent && home.child == row.child)
    };
    let mut others: Vec<(&'static str, &'static Row)> = Vec::new();
    for row in tree::rows() {
        let parent = (row.parent != row.child && !is_home(row)).then_some(row.parent);
        let enters = row.keys().flatten().copied().filter(|key| tree::parent(key).is_none());
        for from in parent.into_iter().chain(enters) {
            if !others
                .iter()
                .any(|(known, other)| *known == from && other.child == row.child)
            {
                others.push((from, row));
            }
        }
    }
    others
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_a_place_of_its_own() {
        let layout = Layout::new(0.0, 0.0);
        assert_eq!(layout.boxes.len(), tree::keys().len());
        for (at, a) in layout.boxes.iter().enumerate() {
            assert!(
                a.x + layout.box_width <= layout.width && a.y + HEIGHT <= layout.height,
                "{}",
                a.key
            );
            for b in layout.boxes.iter().skip(at + 1) {
                let apart = (a.x - b.x).abs() >= layout.box_width || (a.y - b.y).abs() >= HEIGHT;
                assert!(apart, "{} and {} overlap", a.key, b.key);
            }
            for frame in &layout.frames {
                let inside =
                    a.x >= frame.x && a.x < frame.x + frame.width && a.y >= frame.y && a.y < frame.y + frame.height;
                let is_child = a.row.is_some_and(|row| row.parent == frame.parent);
                assert!(!inside || is_child, "{} is in the frame of {}", a.key, frame.parent);
            }
        }
    }
}
