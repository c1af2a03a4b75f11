import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { playDialogue } from './dialogue.ts'
import { announces, playImap } from './imap-dialogue.ts'
import { type Protocol, parseScript, type Script } from './script.ts'
import { startForScript } from './server-under-test.ts'
import type { Cut } from './session-client.ts'

const folder = fileURLToPath(new URL('.', import.meta.url))

for (const protocol of ['pop3', 'smtp', 'imap'] as const) {
  for (const name of readdirSync(`${folder}${protocol}`).sort()) {
    if (!name.endsWith('.session')) continue
    const text = readFileSync(`${folder}${protocol}/${name}`, 'utf8')
    const cuts = /^cut: whole$/m.test(text) ? (['whole'] as const) : (['whole', 'octets'] as const)
    for (const cut of cuts)
      test(`${protocol}/${name}: ${titleOf(text)}${cut === 'octets' ? ', octet by octet' : ''}`, async (t) => {
        if ((await play(text, protocol, cut)) === 'lacking') t.skip('not announced')
      })
  }
}

function titleOf(text: string): string {
  return text.slice(text.indexOf('#') + 1, text.indexOf('\n')).trim()
}

async function play(text: string, protocol: Protocol, cut: Cut): Promise<'played' | 'lacking'> {
  const script: Script = parseScript(text, protocol)
  const server = await startForScript(script)
  try {
    const port = server.ports[protocol]
    assert.ok(port !== undefined, `no ${protocol} server`)
    const needed = script.headers.get('capabilities')?.split(' ')
    if (needed !== undefined && !(await announces(needed, port, server.variables))) return 'lacking'
    const player = protocol === 'imap' ? playImap : playDialogue
    await player(script, port, server.variables, cut)
    assert.deepEqual(server.faults, [])
    return 'played'
  } finally {
    await server.close()
  }
}
