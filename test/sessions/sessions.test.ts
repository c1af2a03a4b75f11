import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { playDialogue } from './dialogue.ts'
import { playImap } from './imap-dialogue.ts'
import { type Protocol, parseScript, type Script } from './script.ts'
import { startForScript } from './server-under-test.ts'
import type { Cut } from './session-client.ts'

const folder = fileURLToPath(new URL('.', import.meta.url))

for (const protocol of ['pop3', 'smtp', 'imap'] as const) {
  for (const name of readdirSync(`${folder}${protocol}`).sort()) {
    if (!name.endsWith('.session')) continue
    const text = readFileSync(`${folder}${protocol}/${name}`, 'utf8')
    for (const cut of ['whole', 'octets'] as const)
      test(`${protocol}/${name}: ${titleOf(text)}${cut === 'octets' ? ', octet by octet' : ''}`, async () => {
        await play(text, protocol, cut)
      })
  }
}

function titleOf(text: string): string {
  return text.slice(text.indexOf('#') + 1, text.indexOf('\n')).trim()
}

async function play(text: string, protocol: Protocol, cut: Cut): Promise<void> {
  const script: Script = parseScript(text, protocol)
  const server = await startForScript(script)
  try {
    const port = server.ports[protocol]
    assert.ok(port !== undefined, `no ${protocol} server`)
    const player = protocol === 'imap' ? playImap : playDialogue
    await player(script, port, server.variables, cut)
    assert.deepEqual(server.faults, [])
  } finally {
    await server.close()
  }
}
