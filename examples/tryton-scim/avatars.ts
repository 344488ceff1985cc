import { InvalidValueError } from "concordat";
import type { NewUser, User } from "concordat/scim";

/** The largest photo that is taken, in bytes. */
const largest = 1024 * 1024;

/** What the images that Tryton shows begin with. */
const beginnings: Readonly<Record<string, readonly number[]>> = {
  jpeg: [0xff, 0xd8, 0xff],
  png: [0x89, 0x50, 0x4e, 0x47],
  gif: [0x47, 0x49, 0x46, 0x38],
};

/** Whether a user has a photo. */
export function hasPhoto(user: NewUser | User): boolean {
  return (user.photos?.length ?? 0) > 0;
}

/**
 * The image that is to be written, as Tryton reads it; `undefined` where there is none to write.
 *
 * Only a `data:` URI is taken. What is behind another URI is not fetched: a client would choose what this requests.
 *
 * @param current where Tryton shows the image that it has.
 */
export function avatarOf(
  { photos = [] }: NewUser | User,
  current: string | undefined,
): object | "ignored" | undefined {
  const photo =
    photos.find(({ primary }) => primary === true) ??
    photos.find(({ value }) => value !== current) ??
    photos[0];
  if (photo?.value === undefined || photo.value === current) return undefined;
  const base64 = /^data:image\/(?:jpeg|png|gif);base64,([A-Za-z0-9+/=\s]+)$/.exec(photo.value)?.[1];
  if (base64 === undefined) return "ignored";
  const image = Buffer.from(base64, "base64");
  if (image.length > largest) {
    throw new InvalidValueError("photos.value", `it has more than ${largest} bytes.`);
  }
  const isImage = Object.values(beginnings).some((beginning) =>
    beginning.every((byte, at) => image[at] === byte),
  );
  if (!isImage) throw new InvalidValueError("photos.value", "it is no JPEG, PNG or GIF.");
  return { __class__: "bytes", base64: image.toString("base64") };
}
