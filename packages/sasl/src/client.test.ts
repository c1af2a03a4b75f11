import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chooseClientMechanism } from './client.ts'
import { findMechanism } from './mechanisms.ts'
import { ServerExchange } from './server-exchange.ts'

const login = { user: 'tim', password: 'tanstaaftanstaaf' }

test('client: CRAM-MD5 as in RFC 2195 §2', () => {
  const mechanism = chooseClientMechanism(['CRAM-MD5', 'PLAIN'], 'refused')
  assert.equal(mechanism?.name, 'CRAM-MD5')
  const response = mechanism?.begin(login).respond(Buffer.from('<1896.697170952@postoffice.reston.mci.net>'))
  assert.equal(response?.toString(), 'tim b913a602c7eda7a495b4e6e7334d3890')
})

test('client: never a password in the clear where that is refused', () => {
  assert.equal(chooseClientMechanism(['PLAIN', 'LOGIN'], 'refused'), undefined)
  assert.equal(chooseClientMechanism(['login', 'plain'], 'allowed')?.name, 'PLAIN')
  assert.equal(chooseClientMechanism(['GSSAPI'], 'allowed'), undefined)
})

for (const name of ['PLAIN', 'LOGIN'])
  test(`client and server agree: ${name}`, () => {
    const client = chooseClientMechanism([name], 'allowed')!.begin(login)
    const server = new ServerExchange(findMechanism(name)!)
    while (server.step.kind === 'challenge')
      server.respond(Buffer.from(client.respond(server.step.data).toString('base64')))
    assert.deepEqual(server.step, {
      kind: 'credentials',
      credentials: { mechanism: name, authzid: '', authcid: 'tim', password: 'tanstaaftanstaaf' },
    })
  })
