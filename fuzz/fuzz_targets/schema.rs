//! Prisma schemas: whatever stands in `schema.prisma`, there is a tree with places in the text, errors with places and
//! advice, and what its client needs of the database.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use underpin_catalog::Name;
use underpin_prisma::schema::{Argument, Attribute, Block, Expression, Span};
use underpin_prisma::validator::validate;
use underpin_prisma::{ClientContract, PrismaCatalog, PrismaVersion, Schema, SchemaHead, Source};

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    // A schema may be several files.
    let files = text.split('\0').enumerate();
    let sources: Vec<_> = files.map(|(at, text)| Source::new(format!("{at}.prisma"), text)).collect();
    let schema = Schema::parse(sources);

    in_order(&schema, schema.blocks.iter().map(span_of));
    in_order(&schema, schema.comments.iter().map(|comment| comment.span));
    for error in &schema.errors {
        inside(&schema, error.span);
        assert!(!error.hint().is_empty() && !schema.located(error).is_empty());
    }
    for block in &schema.blocks {
        let within = |outer: Span, inner: Span| {
            inside(&schema, inner);
            assert!(outer.file == inner.file && outer.start <= inner.start && inner.end <= outer.end);
        };
        let attribute = |outer: Span, one: &Attribute| {
            within(outer, one.span);
            one.arguments.iter().for_each(|argument| holds(&within, one.span, argument));
        };
        match block {
            Block::Model(model) => {
                within(model.span, model.name.span);
                model.attributes.iter().for_each(|one| attribute(model.span, one));
                for field in &model.fields {
                    within(model.span, field.span);
                    within(field.span, field.name.span);
                    within(field.span, field.field_type.span);
                    field.attributes.iter().for_each(|one| attribute(field.span, one));
                }
            }
            Block::Enum(one) => {
                within(one.span, one.name.span);
                one.attributes.iter().for_each(|attributed| attribute(one.span, attributed));
                for value in &one.values {
                    within(one.span, value.span);
                    value.attributes.iter().for_each(|attributed| attribute(value.span, attributed));
                }
            }
            Block::Config(config) => {
                for property in &config.properties {
                    within(config.span, property.span);
                    value(&within, property.span, &property.value);
                }
            }
        }
    }
    for version in [PrismaVersion::new(5, 22, 0), PrismaVersion::new(6, 19, 0), PrismaVersion::new(7, 10, 0)] {
        let refused = validate(&schema, version);
        for error in &refused {
            inside(&schema, error.span);
            assert!(!error.message.is_empty() && !error.hint.is_empty());
        }
        // What is refused has no database, and what has one is not refused.
        let catalog = PrismaCatalog::of_schema(&schema, &Name::new("public"), version);
        assert!(refused.is_empty() || catalog.is_err());
    }
    let _ = SchemaHead::of(&schema);
    let contract = ClientContract::of(&schema, &Name::new("public"));
    assert_eq!(contract.is_whole, schema.errors.is_empty());
    for (name, table) in &contract.tables {
        assert_eq!(contract.table(name).map(|found| &found.name), Some(&table.name));
    }
});

fn span_of(block: &Block) -> Span {
    match block {
        Block::Model(model) => model.span,
        Block::Enum(one) => one.span,
        Block::Config(config) => config.span,
    }
}

fn inside(schema: &Schema, span: Span) {
    let text = &schema.sources[span.file].text;
    assert!(span.start <= span.end && text.get(span.bytes()).is_some(), "{span:?} is not in {text:?}");
}

fn in_order(schema: &Schema, spans: impl Iterator<Item = Span>) {
    let mut last = (0, 0);
    for span in spans {
        inside(schema, span);
        assert!(last <= (span.file, span.start), "{span:?} begins before {last:?}");
        last = (span.file, span.end);
    }
}

fn holds(within: &dyn Fn(Span, Span), outer: Span, argument: &Argument) {
    within(outer, argument.span);
    value(within, argument.span, &argument.value);
}

fn value(within: &dyn Fn(Span, Span), outer: Span, one: &Expression) {
    within(outer, one.span());
    match one {
        Expression::String(_) | Expression::Number { .. } | Expression::Constant(_) => {}
        Expression::Function { arguments, span, .. } => {
            arguments.iter().for_each(|argument| holds(within, *span, argument));
        }
        Expression::Array { items, span } => items.iter().for_each(|item| value(within, *span, item)),
        Expression::Object { entries, span } => {
            entries.iter().for_each(|entry| holds(within, *span, entry));
        }
    }
}

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    underpin_fuzz::splice(&underpin_fuzz::PRISMA, data, size, max_size, seed)
});
