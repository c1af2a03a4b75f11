import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

interface Lock {
  readonly packages: Readonly<Record<string, { readonly hasInstallScript?: boolean }>>
}

const read = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../${name}`, import.meta.url), 'utf8'))

test('package.json: names every dependency that an install script makes, for npm runs no other', () => {
  const { packages } = read('package-lock.json') as Lock
  const { allowScripts } = read('package.json') as { allowScripts: Readonly<Record<string, boolean>> }
  const needed = Object.entries(packages)
    .filter(([, { hasInstallScript }]) => hasInstallScript === true)
    .map(([path]) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length))
  assert.deepEqual(Object.keys(allowScripts).sort(), [...new Set(needed)].sort())
  assert.ok(Object.values(allowScripts).every((allowed) => allowed))
})
