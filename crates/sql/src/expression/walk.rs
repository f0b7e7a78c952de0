//! Goes through a parse tree and tells [`Contents`] what it meets.
//!
//! The tree has hundreds of node types, of which a handful matter. Every type serialises itself, naming its
//! variants and fields as it goes; this is a serializer that keeps nothing of that but what it looks for.
//! So every node of every type is reached, of types that a later PostgreSQL brings too, and a tree costs
//! one allocation for each name that is found.

use std::fmt;

use serde::ser::{self, Serialize};
use underpin_catalog::RelationName;

use super::Contents;

/// Adds to `contents` what `tree` contains, at any depth.
pub(super) fn walk<T: Serialize + ?Sized>(tree: &T, contents: &mut Contents) {
    let mut found = Found { contents, words: Vec::new(), star: false };
    tree.serialize(Walk { found: &mut found, place: Place::Anywhere })
        .expect("parse trees are made of structures, variants, lists and plain values");
}

struct Found<'a> {
    contents: &'a mut Contents,
    /// The texts met since a name began: `s` and `f` of `s.f()`.
    words: Vec<String>,
    /// A star was among them.
    star: bool,
}

/// Where in the tree the walk is, as far as it matters for what comes next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Anywhere,
    /// In a call, whose `funcname` is wanted.
    Call,
    /// In a reference to a column, whose `fields` are wanted.
    Column,
    /// In a statement that changes the rows of its `relation`.
    Change,
    /// On the way to that relation.
    Changed,
    /// On the way to the columns that it gives values to.
    Targets,
    /// In one of them, whose name is wanted.
    Target,
    /// In a relation's name.
    Relation,
    /// In the name of one that is changed.
    ChangedRelation,
    /// In a part of `WITH`, whose name is wanted.
    Common,
    /// In a string constant.
    Constant,
    /// In an option of a statement. `AS` has the body of a function or of `DO`.
    Option,
    /// In the option `AS`.
    Body,
    /// On the way to the texts of that option: one, or the two of a function in C.
    Code,
    /// Where every text is wanted.
    Words,
}

struct Walk<'w, 'a> {
    found: &'w mut Found<'a>,
    place: Place,
}

impl Found<'_> {
    /// The texts of `tree`.
    fn words_of<T: Serialize + ?Sized>(&mut self, tree: &T) -> Result<(), Unforeseen> {
        self.words.clear();
        self.star = false;
        self.more_words_of(tree)
    }

    fn more_words_of<T: Serialize + ?Sized>(&mut self, tree: &T) -> Result<(), Unforeseen> {
        tree.serialize(Walk { found: self, place: Place::Words })
    }

    /// The last text and the one before it, if it says anything.
    fn name(&mut self) -> Option<(Option<String>, String)> {
        let name = self.words.pop()?;
        Some((self.words.pop().filter(|namespace| !namespace.is_empty()), name))
    }

    fn relation(&mut self) -> Option<RelationName> {
        let (namespace, name) = self.name()?;
        Some(match namespace {
            Some(namespace) => RelationName::qualified(namespace, name),
            None => RelationName::bare(name),
        })
    }
}

impl<'w, 'a> ser::Serializer for Walk<'w, 'a> {
    type Ok = ();
    type Error = Unforeseen;
    type SerializeSeq = Self;
    type SerializeTuple = ser::Impossible<(), Unforeseen>;
    type SerializeTupleStruct = ser::Impossible<(), Unforeseen>;
    type SerializeTupleVariant = ser::Impossible<(), Unforeseen>;
    type SerializeMap = ser::Impossible<(), Unforeseen>;
    type SerializeStruct = Self;
    type SerializeStructVariant = ser::Impossible<(), Unforeseen>;

    /// A node, by its type.
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        node: &T,
    ) -> Result<(), Unforeseen> {
        if self.place == Place::Words {
            self.found.star |= variant == "AStar";
            return node.serialize(self);
        }
        let contents = &mut *self.found.contents;
        let place = match variant {
            "FuncCall" => Place::Call,
            "ColumnRef" => Place::Column,
            "InsertStmt" | "UpdateStmt" | "DeleteStmt" | "MergeStmt" | "MergeWhenClause" => Place::Change,
            "ResTarget" if self.place == Place::Targets => Place::Target,
            "CommonTableExpr" => Place::Common,
            "DefElem" => Place::Option,
            "Sval" => Place::Constant,
            "String" if self.place == Place::Code => Place::Constant,
            "List" if self.place == Place::Code => Place::Code,
            "SubLink" => {
                contents.subselect = true;
                Place::Anywhere
            }
            "LockingClause" => {
                contents.locks_rows = true;
                Place::Anywhere
            }
            _ => Place::Anywhere,
        };
        node.serialize(Walk { found: self.found, place })
    }

    fn serialize_struct(mut self, name: &'static str, _: usize) -> Result<Self, Unforeseen> {
        if name == "RangeVar" && self.place != Place::Words {
            let changed = self.place == Place::Changed;
            self.place = if changed { Place::ChangedRelation } else { Place::Relation };
        }
        if name == "OnConflictClause" {
            self.place = Place::Change;
        }
        Ok(self)
    }

    fn serialize_str(self, text: &str) -> Result<(), Unforeseen> {
        if self.place == Place::Words {
            self.found.words.push(text.to_owned());
        }
        Ok(())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self, Unforeseen> {
        Ok(self)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Unforeseen> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Unforeseen> {
        value.serialize(self)
    }

    fn serialize_bool(self, _: bool) -> Result<(), Unforeseen> {
        Ok(())
    }
    fn serialize_i8(self, _: i8) -> Result<(), Unforeseen> {
        Ok(())
    }
    fn serialize_i16(self, _: i16) -> Result<(), Unforeseen> {
        Ok(())
    }
    fn serialize_i32(self, _: i32) -> Result<(), Unforeseen> {
        Ok(())
    }
    fn serialize_i64(self, _: i64) -> Result<(), Unforeseen> {
        Ok(())
    }
    fn serialize_u8(self, _: u8) -> Result<(), Unforeseen> {
        Ok(())
    }
    fn serialize_u16(self, _: u16) -> Result<(), Unforeseen> {
        Ok(())
    }
    fn serialize_u32(self, _: u32) -> Result<(), Unforeseen> {
        Ok(())
    }
    fn serialize_u64(self, _: u64) -> Result<(), Unforeseen> {
        Ok(())
    }
    fn serialize_f32(self, _: f32) -> Result<(), Unforeseen> {
        Ok(())
    }
    fn serialize_f64(self, _: f64) -> Result<(), Unforeseen> {
        Ok(())
    }
    fn serialize_char(self, _: char) -> Result<(), Unforeseen> {
        Ok(())
    }
    fn serialize_bytes(self, _: &[u8]) -> Result<(), Unforeseen> {
        Ok(())
    }
    fn serialize_none(self) -> Result<(), Unforeseen> {
        Ok(())
    }
    fn serialize_unit(self) -> Result<(), Unforeseen> {
        Ok(())
    }
    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Unforeseen> {
        Ok(())
    }
    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Result<(), Unforeseen> {
        Ok(())
    }

    // The tree's types are generated from a description that knows none of these.
    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, Unforeseen> {
        Err(Unforeseen)
    }
    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, Unforeseen> {
        Err(Unforeseen)
    }
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Unforeseen> {
        Err(Unforeseen)
    }
    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, Unforeseen> {
        Err(Unforeseen)
    }
    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Unforeseen> {
        Err(Unforeseen)
    }
}

impl ser::SerializeSeq for Walk<'_, '_> {
    type Ok = ();
    type Error = Unforeseen;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, element: &T) -> Result<(), Unforeseen> {
        element.serialize(Walk { found: self.found, place: self.place })
    }

    fn end(self) -> Result<(), Unforeseen> {
        Ok(())
    }
}

impl ser::SerializeStruct for Walk<'_, '_> {
    type Ok = ();
    type Error = Unforeseen;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), Unforeseen> {
        let found = &mut *self.found;
        match (self.place, key) {
            (Place::Call, "funcname") => {
                found.words_of(value)?;
                let name = found.relation();
                found.contents.functions.extend(name);
            }
            (Place::Column, "fields") => {
                found.words_of(value)?;
                if found.star {
                    found.contents.star = true;
                } else {
                    let name = found.name();
                    found.contents.columns.extend(name);
                }
            }
            (Place::Change, "relation") => value.serialize(Walk { found, place: Place::Changed })?,
            (Place::Change, "cols" | "target_list") | (Place::Targets, "node") => {
                value.serialize(Walk { found, place: Place::Targets })?;
            }
            (Place::Target, "name") => {
                found.words_of(value)?;
                found.contents.targets.extend(found.words.pop());
            }
            // The fields come in this order.
            (Place::Relation | Place::ChangedRelation, "schemaname") => found.words_of(value)?,
            (Place::Relation | Place::ChangedRelation, "relname") => {
                found.more_words_of(value)?;
                if let Some(relation) = found.relation() {
                    if self.place == Place::ChangedRelation {
                        found.contents.written.insert(relation.clone());
                    }
                    found.contents.relations.insert(relation);
                }
            }
            (Place::Common, "ctename") => {
                found.words_of(value)?;
                found.contents.defined.extend(found.words.pop());
            }
            (Place::Constant, "sval") => {
                found.words_of(value)?;
                found.contents.strings.extend(found.words.pop());
            }
            (Place::Option, "defname") => {
                found.words_of(value)?;
                if found.words.iter().any(|name| name == "as") {
                    self.place = Place::Body;
                }
            }
            (Place::Body, "arg") | (Place::Code, _) => value.serialize(Walk { found, place: Place::Code })?,
            (Place::Words, _) => found.more_words_of(value)?,
            _ => value.serialize(Walk { found, place: Place::Anywhere })?,
        }
        Ok(())
    }

    fn end(self) -> Result<(), Unforeseen> {
        Ok(())
    }
}

/// A kind of value that parse trees are not made of.
#[derive(Debug)]
struct Unforeseen;

impl fmt::Display for Unforeseen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a parse tree is of structures, lists and texts")
    }
}

impl std::error::Error for Unforeseen {}

impl ser::Error for Unforeseen {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}
