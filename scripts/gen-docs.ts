/**
 * Writes docs/config.md and docs/main.cf.sample from the schema of the configuration, and docs/rfc.md from the
 * `RFC nnnn §x` comments of the code. With --check it writes nothing and exits 1 when a file would change.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { configPage } from './docs/config-page.ts'
import { mainCfSample } from './docs/main-cf-sample.ts'
import { rfcPage } from './docs/rfc-page.ts'

const root = new URL('..', import.meta.url).pathname

const pages: Readonly<Record<string, () => string>> = {
  'docs/config.md': configPage,
  'docs/main.cf.sample': mainCfSample,
  'docs/rfc.md': () => rfcPage(root),
}

const checking = process.argv.includes('--check')
let stale = 0
for (const [name, make] of Object.entries(pages)) {
  const file = join(root, name)
  const text = make()
  if (existsSync(file) && readFileSync(file, 'utf8') === text) continue
  if (checking) {
    stale++
    console.error(`${name} differs from the code: npm run docs`)
  } else {
    writeFileSync(file, text)
    console.log(name)
  }
}
process.exitCode = stale === 0 ? 0 : 1
