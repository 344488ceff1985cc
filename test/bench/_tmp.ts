import { measureFederation, measureFederationMemory } from "./federation.ts";
import { Report } from "./figures.ts";
const r=new Report();
if (process.argv[2]==="mem") await measureFederationMemory(r, Number(process.argv[3]));
else await measureFederation(r, Number(process.argv[2]??1), Number(process.argv[3]??10000));
