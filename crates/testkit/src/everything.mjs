// Does everything that a Prisma Client can do with each model of a schema, on a database as it is, and takes it back.

const NATIVE = {
  Uuid: () => 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd38' + String(counter).padStart(4, '0'),
  Inet: () => '10.0.0.1',
  Xml: () => '<a/>',
}
let counter = 0
function one(field, values) {
  counter += 1
  const native = NATIVE[field.nativeType?.[0]]
  if (native) return native()
  switch (field.type) {
    case 'String': return 'x' + counter
    case 'Int': return 1000 + counter
    case 'BigInt': return BigInt(1000 + counter)
    case 'Float': return counter + 0.5
    case 'Decimal': return `${counter}.25`
    case 'Boolean': return true
    case 'DateTime': return new Date(1700000000000 + counter * 1000)
    case 'Json': return { counter }
    case 'Bytes': return new Uint8Array([1, counter % 256])
    default: return values[field.type]
  }
}
const value = (field, values) => (field.isList ? [one(field, values)] : one(field, values))
const quoted = (name) => '"' + name.replaceAll('"', '""') + '"'
const relation = (model) => (model.schema ? quoted(model.schema) + '.' : '') + quoted(model.dbName ?? model.name)

// What is there already: one row of each model, by the names of its fields.
async function rows(pg, models) {
  const there = {}
  for (const model of models) {
    const scalars = model.fields.filter((field) => field.kind !== 'object' && field.kind !== 'unsupported')
    there[model.name] = {}
    for (const field of scalars) {
      const column = quoted(field.dbName ?? field.name)
      const query = `SELECT ${column}::text AS v FROM ${relation(model)} ORDER BY ctid LIMIT 1`
      // Views have no ctid, and a column may be gone.
      const found = await pg.query(query).catch(() => undefined)
      if (found?.rows[0]) there[model.name][field.name] = typed(field, found.rows[0].v)
    }
  }
  return there
}
function typed(field, text) {
  if (text === null) return null
  if (field.type === 'Int' || field.type === 'Float') return Number(text)
  if (field.type === 'BigInt') return BigInt(text)
  if (field.type === 'DateTime') return new Date(text + 'Z')
  return text
}

function acts(model, models, values, there) {
  const scalars = model.fields.filter((field) => field.kind !== 'object' && field.kind !== 'unsupported')
  const parents = {}
  for (const field of model.fields.filter((field) => field.relationFromFields?.length)) {
    field.relationFromFields.forEach((from, at) => {
      parents[from] = there[field.type][field.relationToFields[at]]
    })
  }
  const given = (field) => parents[field.name] ?? value(field, values)
  const generated = (field) => ['autoincrement', 'dbgenerated'].includes(field.default?.name)
  const needed = (field) => field.isRequired && !field.isList && !field.hasDefaultValue && !field.isUpdatedAt
  const pick = (fields, of) => Object.fromEntries(fields.map((field) => [field.name, of(field)]))
  const minimal = () => pick(scalars.filter(needed), given)
  const full = () => pick(scalars.filter((field) => !generated(field)), given)
  const optional = scalars.filter((field) => !field.isRequired && !field.isList)
  const nulls = () => pick(optional, () => null)

  const primary = model.primaryKey?.fields ?? scalars.filter((field) => field.isId).map((field) => field.name)
  const uniques = [
    { name: model.primaryKey?.name, fields: primary },
    ...model.uniqueIndexes,
    ...scalars.filter((field) => field.isUnique).map((field) => ({ fields: [field.name] })),
  ].filter((unique) => unique.fields.length)
  const where = ({ name, fields }, row) =>
    fields.length === 1
      ? { [fields[0]]: row[fields[0]] }
      : { [name ?? fields.join('_')]: Object.fromEntries(fields.map((field) => [field, row[field]])) }
  const row = there[model.name]
  const found = uniques.find(({ fields }) => fields.every((field) => row[field] != null))
  const changed = () => pick(scalars.filter((field) => !field.isId && !generated(field) && !(field.name in parents)), given)

  const all = [['read', (db) => db.findMany()]]
  if (!model.isView) {
    all.push(['create', (db) => db.create({ data: minimal() })])
    all.push(['create', (db) => db.create({ data: full() })])
    if (optional.length) all.push(['create', (db) => db.create({ data: { ...minimal(), ...nulls() } })])
    for (const unique of uniques) {
      all.push(['upsert', (db) => {
        const create = full()
        for (const field of unique.fields) create[field] ??= value(scalars.find(({ name }) => name === field), values)
        // With nothing to update, Prisma asks first and says no `ON CONFLICT`.
        const update = Object.fromEntries(Object.entries(changed()).filter(([name]) => !unique.fields.includes(name)))
        return db.upsert({ where: where(unique, create), create, update })
      }])
    }
    if (found) {
      all.push(['update', (db) => db.update({ where: where(found, row), data: changed() })])
      if (optional.length) all.push(['update', (db) => db.update({ where: where(found, row), data: nulls() })])
      all.push(['delete', (db) => db.delete({ where: where(found, row) })])
    }
  }
  const required = scalars.filter((field) => field.isRequired && !field.isList).map((field) => field.name)
  return all.map(([operation, act]) => ({ operation, act, required }))
}

class Back extends Error {}
async function outcome(db, name, { act, required }) {
  let rows
  try {
    await db.$transaction(async (tx) => {
      rows = [await act(tx[name])].flat()
      throw new Back()
    })
  } catch (error) {
    if (!(error instanceof Back)) return failure(error)
  }
  // Where there is an engine in between, this is an error of its own.
  const without = rows.flatMap((row) => required.filter((field) => row[field] === null))
  return without.length ? { code: 'P2032', message: `null in ${without[0]}` } : { code: null, message: '' }
}
function failure(error) {
  const cause = error.meta?.driverAdapterError?.cause ?? error.cause ?? {}
  const message = String(error.message).trim().split('\n').pop()
  // Prisma 6 lets some answers of the adapter through as they are.
  const known = { NullConstraintViolation: '23502', InvalidInputValue: '22P02', UniqueConstraintViolation: '23505' }
  const sqlstate = cause.originalCode ?? cause.code ?? known[cause.kind]
  // What the client cannot make of an answer it says in as many ways as there are types.
  return { code: sqlstate ?? (error.code?.startsWith('P') ? error.code : 'P2023'), message }
}

// What came of each act; a code that is null says that it did not fail.
export async function everything({ require, datamodel, clientClass }, { url, schema, major }) {
  const { PrismaPg } = require('@prisma/adapter-pg')
  const { Client: Pg } = require('pg')
  const { models, enums } = datamodel(schema)
  const values = Object.fromEntries(enums.map(({ name, values }) => [name, values[0].name]))
  for (const model of models) model.isView = new RegExp(`^view\\s+${model.name}\\b`, 'm').test(schema)
  const pg = new Pg(url)
  await pg.connect()
  const there = await rows(pg, models)
  await pg.end()
  const PrismaClient = clientClass(major, schema, models)
  const db = new PrismaClient({ adapter: new PrismaPg({ connectionString: url, max: 1 }) })
  // A client that does not run at all is no answer.
  await db.$queryRaw`SELECT 1`
  const told = []
  for (const model of models) {
    const name = model.name[0].toLowerCase() + model.name.slice(1)
    for (const act of acts(model, models, values, there)) {
      told.push({ model: model.name, operation: act.operation, ...(await outcome(db, name, act)) })
    }
  }
  await db.$disconnect()
  return told
}
