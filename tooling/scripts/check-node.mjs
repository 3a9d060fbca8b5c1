// The workspace brings its own Node through the registry. When an automatic install failed, pnpm only warns and scripts would run on
// the system's Node: this check turns that into one clear line.
const want = 26
const have = Number(process.versions.node.split('.')[0])
if (have < want) {
  console.error(
    `tsink: this workspace runs on Node ${want} from its own node_modules, but the Node in use is ${process.version}. ` +
      'The install was incomplete: run `npx -y pnpm@12 install` and look at its errors.',
  )
  process.exit(1)
}
