// What Prisma's own parser and engine make of schemas, many at once.
// usage: schemas.mjs battery | (validate | create) FILE.json   FILE: a list of texts
// Prints JSON: the battery's schemas by name; for each text null or the error; for each text {sql} or {error}.
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
  create: async () => {
    const { filters, newEngine } = await import(from('lib/engine.mjs'))
    const { engine } = await newEngine()
    const answers = []
    for (const content of texts()) {
      const to = { tag: 'schemaDatamodel', files: [{ path: 'schema.prisma', content }] }
      try {
        const { stdout } = await engine.diff({ from: { tag: 'empty' }, to, script: true, exitCode: true, filters })
        answers.push({ sql: stdout })
      } catch (error) {
        answers.push({ error: message(error) })
      }
    }
    return answers
  },
}

process.stdout.write(JSON.stringify(await modes[mode]()))
