/** Every test that docs/security.md and docs/parity.md name is there, under that name. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const docs = join(dirname(fileURLToPath(import.meta.url)), '..', 'docs')

/** `[x.test.ts](../a/x.test.ts): "name"; "another"`: a link into the tree, and names within that file. */
const claim = /\]\((\.\.\/[^)\s]+)\)(?:: ("[^"]+"(?:; "[^"]+")*))?/g

/** Names may be template literals in the source: what stands there counts, quotes escaped or not. */
const plain = (text: string): string => text.replaceAll('\\', '')

for (const document of ['security.md', 'parity.md']) {
  test(`docs/${document} names tests that exist`, () => {
    const text = readFileSync(join(docs, document), 'utf8')
    const wrong: string[] = []
    for (const [, link = '', names = ''] of text.matchAll(claim)) {
      const path = join(docs, link)
      if (!existsSync(path)) {
        wrong.push(`${link}: no such file`)
        continue
      }
      const source = plain(readFileSync(path, 'utf8'))
      for (const [, name = ''] of names.matchAll(/"([^"]+)"/g))
        if (!source.includes(plain(name))) wrong.push(`${link}: no "${name}"`)
    }
    assert.deepEqual(wrong, [])
  })
}
