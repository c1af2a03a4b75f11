import { decodeText, type MechanismRun, malformed, type SaslStep, type ServerMechanism } from './exchange.ts'

/** EXTERNAL: `[authzid]`, one message; who it is was proved in the TLS handshake. RFC 4422 Appendix A. */
export const external: ServerMechanism = {
  name: 'EXTERNAL',
  plaintext: false,
  certified: true,
  begin: (initial) =>
    initial === undefined
      ? { run, step: { kind: 'challenge', data: Buffer.alloc(0) } }
      : { run, step: readAuthzid(initial) },
}

const run: MechanismRun = { respond: readAuthzid }

function readAuthzid(message: Buffer): SaslStep {
  const authzid = decodeText(message)
  if (authzid === undefined) return malformed('EXTERNAL: not UTF-8, or with NUL')
  return {
    kind: 'credentials',
    credentials: { mechanism: 'EXTERNAL', authzid, authcid: '', external: 'certificate' },
  }
}
