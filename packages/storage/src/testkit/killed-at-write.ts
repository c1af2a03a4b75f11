/** A file layer whose process is killed at the nth write: what it had written before is there. */
import { type FileLayer, realFileLayer } from '../segments/file-layer.ts'

export const killedAtWrite = (nth: number): { readonly files: FileLayer; readonly writes: () => number } => {
  let writes = 0
  const count = (): void => {
    writes++
    if (writes === nth) process.kill(process.pid, 'SIGKILL')
  }
  const files: FileLayer = Object.assign(Object.create(realFileLayer) as FileLayer, {
    writeSync(...args: Parameters<FileLayer['writeSync']>) {
      count()
      realFileLayer.writeSync(...args)
    },
    write(...args: Parameters<FileLayer['write']>) {
      count()
      return realFileLayer.write(...args)
    },
  })
  return { files, writes: () => writes }
}
