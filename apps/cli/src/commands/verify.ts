/**
 * `tsink verify`: reads every stored byte of a data folder and checks every invariant. It changes nothing, unless it is to set damage aside: then the
 * store is opened.
 */
import type { VerifyReport } from '@tsink/engine'
import { Exit } from '../failure.ts'
import { closedFolder, openFolder } from '../open-folder.ts'

export async function verify(folder: string, { quarantine }: { readonly quarantine: boolean }): Promise<void> {
  const { segments, chunks, samples, sizeBytes, log, unlisted, problems } = quarantine ? await setAside(folder) : await look(folder)
  for (const { file, offset, message } of problems) process.stdout.write(`${file}${offset === null ? '' : `:${offset}`}: ${message}\n`)
  const left = [
    ...unlisted.map((file) => `${file} is not in the catalog: what a crash left`),
    ...(log?.tail == null ? [] : [`${log.tail.file}:${log.tail.offset}: the log ends here, as a crash leaves it: ${log.tail.reason}`]),
  ]
  for (const line of left) process.stdout.write(`${line}\n`)
  const ofLog = log === null ? '' : `${log.files} log files, ${log.records} records, ${log.samples} samples; `
  process.stdout.write(
    `${segments} segments, ${chunks} chunks, ${samples} samples; ${ofLog}${sizeBytes} bytes read: ${problems.length} problems\n`,
  )
  if (problems.length > 0) throw new Exit(1)
}

async function look(folder: string): Promise<VerifyReport> {
  const { engine, host } = await closedFolder(folder)
  return engine.verify(host)
}

async function setAside(folder: string): Promise<VerifyReport> {
  const engine = await openFolder(folder)
  try {
    return await engine.verify({ quarantine: true })
  } finally {
    await engine.close()
  }
}
