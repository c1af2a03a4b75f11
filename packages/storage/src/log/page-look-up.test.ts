import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openEnvironment, transact } from '../kv/environment.ts'
import { realFileLayer } from '../segments/file-layer.ts'
import { lookUp } from './page-look-up.ts'

const keyOf = (number: number): Buffer => Buffer.from(`key ${number}`.padEnd(1 + (number % 90), 'x'))
const textOf = (number: number): Buffer => Buffer.from(`value of ${number}`.padEnd(number % 700, '.'))

const indexOf = async (t: TestContext, count: number) => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-look-up-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const path = join(directory, 'index.mdb')
  const environment = openEnvironment(path, 'logged')
  const pageBytes = (environment.getStats() as { pageSize: number }).pageSize
  for (let from = 0; from < count; from += 100)
    transact(environment, () => {
      for (let number = from; number < Math.min(from + 100, count); number++)
        environment.putSync(keyOf(number), textOf(number))
    })
  await environment.close()
  const file = realFileLayer.openReadWrite(path)
  t.after(() => realFileLayer.close(file))
  return { files: realFileLayer, file, pageBytes }
}

for (const count of [0, 1, 40, 5_000]) {
  test(`an index of ${count} rows: each is found, others are not`, async (t) => {
    const place = await indexOf(t, count)
    for (let number = 0; number < count; number++)
      assert.deepEqual(lookUp(place, keyOf(number)), textOf(number), String(number))
    for (const key of ['', 'a', 'key', 'key 1y', 'z'])
      assert.equal(lookUp(place, Buffer.from(key)), undefined)
  })
}

test('pages that are not what they should be say nothing', async (t) => {
  const place = await indexOf(t, 3_000)
  const { files, file, pageBytes } = place
  const pages = 300
  let silent = 0
  for (let page = 2; page < pages; page++) {
    const kept = Buffer.alloc(pageBytes)
    if (files.readSync(file, kept, page * pageBytes) < pageBytes) break
    for (const filling of [0, 0xff]) {
      files.writeSync(file, [Buffer.alloc(pageBytes, filling)], page * pageBytes)
      for (let number = 0; number < 3_000; number += 37) {
        const found = lookUp(place, keyOf(number))
        if (found === undefined) silent++
        else assert.deepEqual(found, textOf(number))
      }
    }
    files.writeSync(file, [kept], page * pageBytes)
  }
  assert.ok(silent > 100, String(silent))
})
