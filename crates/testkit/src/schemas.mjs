// What Prisma's own parser and engine make of schemas, many at once.
// usage: schemas.mjs battery | pairs | (validate | create) TEXTS.json | lint SCHEMAS.json | diff PAIRS.json |
//        describe DATABASES.json
// TEXTS: a list of texts. SCHEMAS: a list of lists of [path, text]. PAIRS: a list of [before, after], each null for the empty database or a list of [path, text].
// DATABASES: a list of [url, list of [path, text]], the schema whose datasource and generators say what is looked at.
// Prints JSON: the battery's schemas by name; its pairs by name; for each text null or the error; for each schema its
// errors with their places; for each text or pair {sql} or {error}; for each database {made, kept, taken}: from empty
// to it, from it to the schema, from the schema to it. PRISMA_ENGINE_PKG_DIR names another version of the engine.
import fs from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

const [home, mode, file] = process.argv.slice(2)
const from = (name) => pathToFileURL(path.join(home, name)).href
const texts = () => JSON.parse(fs.readFileSync(file, 'utf8'))
const message = (error) => {
  try { return JSON.parse(error.message).message } catch { return error.message }
}

const modes = {
  battery: async () => {
    const { default: cases } = await import(from('lib/cases.mjs'))
    const sides = (c) => [[`${c.name}, before`, c.from], [`${c.name}, after`, c.to]]
    return cases.flatMap(sides).filter(([, text]) => text !== null)
  },
  pairs: async () => {
    const { default: cases } = await import(from('lib/cases.mjs'))
    return cases.map((c) => [c.name, c.from, c.to])
  },
  validate: async () => {
    const psl = createRequire(from('lib/engine.mjs'))('@prisma/prisma-schema-wasm')
    return texts().map((text) => {
      try {
        psl.validate(JSON.stringify({ prismaSchema: [['schema.prisma', text]], noColor: true }))
        return null
      } catch (error) {
        return message(error)
      }
    })
  },
  lint: async () => {
    const psl = createRequire(from('lib/engine.mjs'))('@prisma/prisma-schema-wasm')
    const errors = (files) => JSON.parse(psl.lint(JSON.stringify(files))).filter((error) => !error.is_warning)
    return texts().map((files) => errors(files).map(({ file_name, start, end, text }) => ({ file: file_name, start, end, text })))
  },
  create: () => diff(texts().map((text) => [null, [['schema.prisma', text]]])),
  diff: () => diff(texts()),
  describe: () => describe(texts()),
}

async function diff(pairs) {
  const { filters, newEngine } = await import(from('lib/engine.mjs'))
  let { engine } = await newEngine()
  const answers = []
  for (const pair of pairs) {
    const [before, after] = pair.map((files) => files === null
      ? { tag: 'empty' }
      : { tag: 'schemaDatamodel', files: files.map(([path, content]) => ({ path, content })) })
    try {
      const { stdout } = await engine.diff({ from: before, to: after, script: true, exitCode: true, filters })
      answers.push({ sql: stdout })
    } catch (error) {
      answers.push({ error: message(error) })
      // a panic ends the instance
      if (/unreachable|RuntimeError|recursive/.test(error.message)) ({ engine } = await newEngine())
    }
  }
  return answers
}

async function describe(databases) {
  const { filters, startEngine } = await import(from('lib/engine.mjs'))
  const { AdapterFactory } = await import(from('lib/adapter.mjs'))
  const answers = []
  for (const [url, files] of databases) {
    const factory = new AdapterFactory(url)
    const engine = await startEngine(factory, files)
    const named = files.map(([path, content]) => ({ path, content }))
    const [empty, schema] = [{ tag: 'empty' }, { tag: 'schemaDatamodel', files: named }]
    const database = { tag: 'schemaDatasource', files: named, configDir: '.' }
    const script = async (from, to) => {
      try {
        return { sql: (await engine.diff({ from, to, script: true, exitCode: true, filters })).stdout }
      } catch (error) {
        return { error: message(error) }
      }
    }
    const answer = {
      made: await script(empty, database),
      kept: await script(database, schema),
      taken: await script(schema, database),
    }
    answers.push(answer)
    await factory.close()
  }
  return answers
}

process.stdout.write(JSON.stringify(await modes[mode]()))
