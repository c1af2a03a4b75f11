import { SyntaxFault } from '../wire/syntax-fault.ts'
import { command, no } from './command.ts'

/** RFC 4978. After login only: strangers get no memory for it, and a password is not compressed. */
export const compress = command({
  name: 'COMPRESS',
  states: ['authenticated', 'selected'],
  numbers: 'none',
  capabilities: ({ compressed }) => (compressed ? [] : ['COMPRESS=DEFLATE']),
  args: (p) => {
    if (p.sp().keyword() !== 'DEFLATE') throw new SyntaxFault('Unknown compression mechanism')
  },
  run(session) {
    if (session.compressed) return no('Compression is active already', 'COMPRESSIONACTIVE')
    session.compress()
    return undefined
  },
})
