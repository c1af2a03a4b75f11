/** What bin/posthorn starts. No TypeScript: Node need not load its reader of it when all else comes from the cache. */
import { enableCompileCache } from 'node:module'

enableCompileCache()
await import('./main.ts')
