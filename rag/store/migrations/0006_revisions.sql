-- What an admin decided at upload: "yes" it takes the place of the active revision, "no" it is an
-- older one, "" the dates and revision numbers tell.
ALTER TABLE manuals ADD COLUMN replaces TEXT NOT NULL DEFAULT '';
